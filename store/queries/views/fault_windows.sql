-- What did each fault do, who noticed, and how long did it take to notice and to come back?
--
-- A fault holds from `applied` to `reverted`, or to the end of the log. Attempts are the gateway's own when it
-- logs them, else those the providers served: then a dead provider's refused connections are unseen, and
-- traffic that ceases is evidence instead.
--
-- fault_id, kind, target
-- planned_ns         when it was due
-- started_ns         when it was applied; NULL: never was
-- ended_ns           when it was reverted; NULL: never was
-- failure            why it could not be applied
-- source             'gateway' or 'providers': whose attempts the counts below are; NULL: nobody logged any
-- attempts_before    attempts at the target in a stretch before it as long as the fault, or since the last one
-- leaked_attempts    attempts that began at the target while it was broken
-- failed_attempts    attempts at the target that ended badly while it was broken
-- tagged_attempts    attempts the target itself put down to this fault
-- request_errors     client requests that ended badly in the window
-- breaker_changes    changes of the target's breaker in the window
-- time_to_detect_ns  from started_ns to the first failed attempt or breaker opening; NULL: not seen
-- time_to_recover_ns from ended_ns to the end of the first ok attempt begun after it; NULL: not seen
-- evidence           which of 'killed', 'failed_attempts', 'tagged_attempts', 'breaker_changes',
--                    'traffic_ceased' the log shows
-- effect_observed    kill and flap: killed, and somebody noticed; degrade: tagged attempts; other kinds: any
CREATE VIEW fault_windows AS
WITH plan AS (
    SELECT
        fault_id,
        any_value(kind) AS kind,
        any_value(target) AS target,
        min(planned_ns) AS planned_ns,
        min(at_ns) FILTER (phase = 'applied') AS started_ns,
        max(at_ns) FILTER (phase = 'reverted') AS ended_ns,
        any_value(detail) FILTER (phase = 'failed') AS failure
    FROM faults
    GROUP BY fault_id
),
log_end AS (
    SELECT greatest((SELECT max(at_ns) FROM run_phases), (SELECT max(ended_ns) FROM requests),
                    (SELECT max(at_ns) FROM faults)) AS at_ns
),
bounded AS (
    SELECT
        plan.*,
        coalesce(ended_ns, log_end.at_ns) AS until_ns,
        -- Faults of one target may overlap: look no further than the neighbours, but at all of the window.
        greatest(until_ns, lead(started_ns, 1, log_end.at_ns + 1) OVER of_target) AS next_started_ns,
        least(started_ns, greatest(started_ns - (until_ns - started_ns), lag(ended_ns, 1, 0) OVER of_target))
            AS before_ns
    FROM plan, log_end
    WHERE started_ns IS NOT NULL
    WINDOW of_target AS (PARTITION BY target ORDER BY started_ns)
),
seen AS (
    SELECT 'gateway' AS source, provider, started_ns, ended_ns, outcome = 'ok' AS ok FROM gateway_attempts
    UNION ALL
    SELECT 'providers', provider, received_ns, coalesce(replied_ns, received_ns), outcome = 'ok'
    FROM attempts
    WHERE NOT EXISTS (FROM gateway_attempts)
),
attempted AS (
    SELECT
        fault_id,
        any_value(source) AS source,
        count_if(seen.started_ns < bounded.started_ns) AS before,
        count_if(seen.started_ns >= bounded.started_ns AND seen.started_ns < until_ns) AS leaked,
        count_if(NOT ok AND seen.ended_ns >= bounded.started_ns AND seen.ended_ns < until_ns) AS failed,
        min(seen.ended_ns) FILTER (NOT ok AND seen.ended_ns >= bounded.started_ns
                                   AND seen.ended_ns < until_ns) AS first_failed_ns,
        min(seen.ended_ns) FILTER (ok AND seen.started_ns >= bounded.ended_ns) AS first_ok_after_ns
    FROM bounded
    JOIN seen ON provider = target AND seen.started_ns >= before_ns AND seen.started_ns < next_started_ns
    GROUP BY fault_id
),
tagged AS (
    SELECT fault_id, count(*) AS attempts FROM attempts WHERE fault_id IS NOT NULL GROUP BY fault_id
),
client AS (
    SELECT fault_id, count(*) AS errors
    FROM bounded
    JOIN requests ON requests.ended_ns >= started_ns AND requests.ended_ns < until_ns
    WHERE outcome <> 'ok'
    GROUP BY fault_id
),
breaker AS (
    SELECT fault_id, count(*) AS changes, min(at_ns) FILTER (to_state = 'open') AS first_opened_ns
    FROM bounded
    JOIN breaker_changes ON provider = target AND at_ns >= started_ns AND at_ns < until_ns
    GROUP BY fault_id
),
killed AS (
    SELECT DISTINCT fault_id
    FROM plan
    JOIN actor_lifecycle ON node = target AND change = 'crashed'
        AND contains(reason, 'SIGKILL') AND contains(reason, '(fault ' || fault_id || ')')
),
counted AS (
    SELECT
        plan.*,
        (SELECT any_value(source) FROM attempted) AS source,
        coalesce(attempted.before, 0) AS attempts_before,
        coalesce(attempted.leaked, 0) AS leaked_attempts,
        coalesce(attempted.failed, 0) AS failed_attempts,
        coalesce(tagged.attempts, 0) AS tagged_attempts,
        coalesce(client.errors, 0) AS request_errors,
        coalesce(breaker.changes, 0) AS breaker_changes,
        least(first_failed_ns, first_opened_ns) - plan.started_ns AS time_to_detect_ns,
        first_ok_after_ns - plan.ended_ns AS time_to_recover_ns,
        killed.fault_id IS NOT NULL AS was_killed,
        -- Fewer than 5 attempts before say nothing about the silence after. A tenth of the rate may remain:
        -- what was under way, and what a restarted provider answers before the fault counts as reverted.
        source = 'providers' AND attempts_before >= 5
            AND leaked_attempts / (until_ns - plan.started_ns)
                <= 0.1 * attempts_before / nullif(plan.started_ns - before_ns, 0) AS ceased
    FROM plan
    LEFT JOIN bounded USING (fault_id)
    LEFT JOIN attempted USING (fault_id)
    LEFT JOIN tagged USING (fault_id)
    LEFT JOIN client USING (fault_id)
    LEFT JOIN breaker USING (fault_id)
    LEFT JOIN killed USING (fault_id)
)
SELECT
    fault_id, kind, target, planned_ns, started_ns, ended_ns, failure, source, attempts_before,
    leaked_attempts, failed_attempts, tagged_attempts, request_errors, breaker_changes, time_to_detect_ns,
    time_to_recover_ns,
    list_filter([
        if(was_killed, 'killed', NULL),
        if(failed_attempts > 0, 'failed_attempts', NULL),
        if(tagged_attempts > 0, 'tagged_attempts', NULL),
        if(breaker_changes > 0, 'breaker_changes', NULL),
        if(ceased, 'traffic_ceased', NULL)
    ], lambda sign: sign IS NOT NULL) AS evidence,
    started_ns IS NOT NULL AND CASE
        WHEN kind IN ('kill', 'flap')
            THEN was_killed AND len(list_filter(evidence, lambda sign: sign <> 'killed')) > 0
        WHEN kind = 'degrade' THEN tagged_attempts > 0
        ELSE len(evidence) > 0
    END AS effect_observed
FROM counted
