-- What did each fault do, who noticed, and how long did it take to notice and to come back?
--
-- The window of a fault is from `applied` to `reverted`, or to the end of the log; that of one that ended the gateway, until
-- the gateway was ready again (`until_ns` of the view `fault_spans`). Attempts are the gateway's own when it
-- reports them (the view `gateway_reports`), else those the providers served: then a dead provider's refused connections
-- are unseen, and traffic that ceases is evidence instead. Of a fault of the gateway's process, or between it and its
-- clients, the target is 'gateway', and attempts are the clients' requests. What could not be seen is NULL, not 0.
--
-- fault_id, kind, target
-- planned_ns         when it was due
-- started_ns         when it was applied; NULL: never was
-- ended_ns           when it was reverted; NULL: never was
-- failure            why it could not be applied, or came to nothing
-- source             'gateway', 'providers' or 'clients': whose attempts the counts below are; NULL: nobody logged any
-- attempts_before    attempts at the target in a stretch before it as long as the fault, or since the last one; NULL, here
--                    and below: nobody logged any
-- leaked_attempts    attempts that began at the target while it was broken; from the providers' side there may have been
--                    more when the fault keeps them from arriving (`cuts_off` of the view `fault_rules`), and NULL is none seen
-- failed_attempts    attempts at the target that failed while it was broken; likewise
-- refused_attempts   of them, and of the gateway's WebSocket connections to it, were refused; NULL: only the gateway could
--                    know
-- stalled_attempts   only for a pause: attempts at the target that were under way at its end, when none that began
--                    in the window was answered in it; else 0
-- tagged_attempts    attempts the target itself put down to this fault
-- tagged_heads       heads the target put down to it
-- tagged_subscriptions     changes of subscriptions and WebSocket connections put down to it
-- actions            what the target did to connections because of it
-- lost_connections   WebSocket connections and subscriptions at the target that the gateway lost in the window;
--                    when it does not report them, those that were open when a fault ended the target's process, and
--                    NULL for other faults. Of a fault at the gateway: WebSocket connections that clients lost or were
--                    refused
-- silent_subscriptions   only for a fault that pauses the process: subscriptions at the target that stood when it began,
--                    and got nothing in it although a block was due; of a fault at the gateway, those of clients; else 0
-- request_errors     client requests that failed in the window
-- cut_off_errors     client requests that failed, and were under way in the window while faults kept every provider
--                    from being reached
-- breaker_changes    changes of the target's breaker in the window; NULL: the gateway does not report its breakers
-- time_to_detect_ns  from started_ns to the first failed attempt, lost connection or breaker opening. Of a gateway that does
--                    not report its attempts: to the first attempt at another provider for a request that the target had
--                    got in the window before. NULL: not seen
-- traffic_stopped_ns from the providers' side alone: from started_ns to the last attempt that reached the target in the
--                    window, 0 when none did. NULL: fewer than 5 reached it before, or they did not stop: from the last one to
--                    the end of the fault it was less than a second, or than five times the mean time between two before
-- time_to_recover_ns from ended_ns to the end of the first ok attempt begun after it; NULL: not seen
-- signs              one of these has to be in the evidence: what the view `fault_rules` asks of its kind
-- evidence           which of 'killed', 'stopped', 'kept_down', 'paused', 'failed_attempts', 'refused_attempts',
--                    'stalled_attempts', 'tagged_attempts', 'tagged_heads', 'tagged_subscriptions', 'acted',
--                    'lost_connections', 'silent_subscriptions', 'breaker_changes', 'traffic_ceased', 'clients_failed',
--                    'kept_away' the log shows
-- effect_observed    whether the evidence is what the view `fault_rules` asks for; or 'kept_away': a fault of the same kind
--                    at the same target that ended as this one began had that, and since then only others were asked
CREATE VIEW fault_windows AS
WITH plan AS MATERIALIZED (
    SELECT fault_id, kind, target, planned_ns, started_ns, ended_ns, failure FROM fault_spans
),
bounded AS MATERIALIZED (
    FROM fault_spans WHERE started_ns IS NOT NULL
),
asked AS NOT MATERIALIZED (
    SELECT
        'gateway' AS provider, coalesce(sent_ns, scheduled_ns) AS started_ns, ended_ns, outcome = 'ok' AS ok, failure
    FROM requests
    WHERE EXISTS (FROM plan WHERE target = 'gateway')
),
-- Reading a few columns of a file again is cheaper than keeping a copy of millions of rows.
seen AS NOT MATERIALIZED (
    SELECT provider, started_ns, ended_ns, outcome = 'ok' AS ok, failure
    FROM gateway_attempts
    UNION ALL
    SELECT provider, received_ns, coalesce(replied_ns, received_ns), outcome = 'ok', NULL
    FROM attempts
    WHERE NOT (SELECT attempts FROM gateway_reports)
    UNION ALL
    FROM asked
),
-- Millions of attempts against hundreds of windows: take attempts by tenths of a second, and look at single ones only
-- where a window begins or ends.
edges AS MATERIALIZED (
    SELECT DISTINCT target AS provider, edge_ns // 100_000_000 AS cell
    FROM (
        SELECT target, unnest([before_ns, started_ns, until_ns, next_started_ns]) AS edge_ns FROM bounded
    )
),
cells AS (
    SELECT provider, cell, ok, attempts, first_ended_ns, last_started_ns FROM attempt_cells
    UNION ALL
    SELECT provider, started_ns // 100_000_000 AS cell, ok, count(*), min(ended_ns), max(started_ns)
    FROM asked
    GROUP BY ALL
),
pieces AS (
    SELECT
        provider, cell * 100_000_000 AS started_ns, last_started_ns, attempts,
        if(ok, first_ended_ns, NULL) AS first_ok_ended_ns
    FROM cells
    ANTI JOIN edges USING (provider, cell)
    UNION ALL
    SELECT provider, started_ns, started_ns, 1, if(ok, ended_ns, NULL)
    FROM (SELECT *, started_ns // 100_000_000 AS cell FROM seen)
    SEMI JOIN edges USING (provider, cell)
),
attempted AS (
    SELECT
        fault_id,
        sum(attempts) FILTER (pieces.started_ns < bounded.started_ns) AS before,
        sum(attempts) FILTER (pieces.started_ns >= bounded.started_ns AND pieces.started_ns < until_ns) AS leaked,
        max(last_started_ns) FILTER (pieces.started_ns >= bounded.started_ns AND pieces.started_ns < until_ns) AS last_ns,
        min(first_ok_ended_ns) FILTER (pieces.started_ns >= bounded.ended_ns) AS first_ok_after_ns
    FROM bounded
    JOIN pieces ON provider = target AND pieces.started_ns >= before_ns AND pieces.started_ns < next_started_ns
    GROUP BY fault_id
),
failed AS (
    SELECT
        fault_id, count(*) AS attempts, count(*) FILTER (seen.failure = 'refused') AS refused,
        min(seen.ended_ns) AS first_ns
    FROM bounded
    JOIN seen ON provider = target AND seen.ended_ns >= bounded.started_ns AND seen.ended_ns < until_ns
    WHERE NOT ok
    GROUP BY fault_id
),
-- Whom a request that the target had got was given to instead. A transaction may be sent to several providers on purpose.
given AS (
    SELECT fault_id, target, request_id, repeated_attempts.started_ns AS given_ns
    FROM bounded
    JOIN repeated_attempts ON provider = target
        AND repeated_attempts.started_ns >= bounded.started_ns AND repeated_attempts.started_ns < until_ns
    WHERE source = 'providers' AND method <> 'eth_sendRawTransaction'
),
gone_elsewhere AS (
    SELECT fault_id, min(repeated_attempts.started_ns) AS first_ns
    FROM given
    JOIN repeated_attempts USING (request_id)
    WHERE provider <> target AND repeated_attempts.started_ns > given_ns
    GROUP BY fault_id
),
-- What may have stopped the process from its begin to its end.
paused AS MATERIALIZED (
    SELECT bounded.*
    FROM bounded
    JOIN fault_rules USING (kind)
    WHERE list_contains(signs, 'paused')
),
-- A stopped process is resumed just before the fault counts as reverted: 10 ms of answers there are no answers of
-- a stopped one.
stalled AS (
    SELECT fault_id, count(*) FILTER (seen.ended_ns >= until_ns) AS attempts
    FROM paused
    JOIN seen ON provider = target AND seen.started_ns < until_ns AND seen.ended_ns >= paused.started_ns
    GROUP BY fault_id
    HAVING count(*) FILTER (ok AND seen.started_ns >= paused.started_ns AND seen.ended_ns < until_ns - 10_000_000) = 0
),
tagged AS (
    SELECT fault_id, count(*) AS attempts FROM attempts WHERE fault_id IS NOT NULL GROUP BY fault_id
),
head_tags AS (
    SELECT fault_id, count(*) AS heads FROM heads WHERE fault_id IS NOT NULL GROUP BY fault_id
),
subscription_tags AS (
    SELECT fault_id, count(*) AS changes FROM subscriptions WHERE fault_id IS NOT NULL GROUP BY fault_id
),
acted AS (
    SELECT
        fault_id, count(*) FILTER (action NOT IN ('paused', 'resumed', 'kept_down')) AS actions,
        count(*) FILTER (action = 'paused') AS pauses,
        count(*) FILTER (action = 'kept_down') AS kept_down
    FROM fault_actions
    GROUP BY fault_id
),
-- When faults kept every provider of the scenario from being reached.
cut AS MATERIALIZED (
    SELECT target, started_ns AS from_ns, until_ns AS to_ns
    FROM bounded
    JOIN fault_rules USING (kind)
    WHERE cuts_off AND target <> 'gateway'
),
cut_moments AS (
    SELECT from_ns AS at_ns FROM cut UNION SELECT to_ns FROM cut
),
cut_counts AS (
    SELECT cut_moments.at_ns, count(DISTINCT target) AS targets
    FROM cut_moments
    LEFT JOIN cut ON from_ns <= cut_moments.at_ns AND to_ns > cut_moments.at_ns
    GROUP BY cut_moments.at_ns
),
dark AS MATERIALIZED (
    SELECT at_ns AS from_ns, to_ns
    FROM (SELECT *, lead(at_ns) OVER (ORDER BY at_ns) AS to_ns FROM cut_counts)
    WHERE targets = (SELECT json_array_length(document, '$.scenario.providers') FROM run)
),
cut_off AS (
    SELECT fault_id, count(DISTINCT request_id) AS errors
    FROM bounded
    JOIN dark ON from_ns < until_ns AND to_ns > started_ns
    JOIN (
        SELECT request_id, coalesce(sent_ns, scheduled_ns) AS sent_ns, ended_ns
        FROM requests
        WHERE NOT succeeded(outcome) AND EXISTS (FROM dark)
    ) AS errors ON sent_ns < least(to_ns, until_ns) AND errors.ended_ns >= greatest(from_ns, started_ns)
    WHERE target <> 'gateway'
    GROUP BY fault_id
),
request_errors AS MATERIALIZED (
    SELECT ended_ns, sum(count(*)) OVER (ORDER BY ended_ns) AS so_far
    FROM requests
    WHERE NOT succeeded(outcome)
    GROUP BY ended_ns
),
client AS (
    SELECT fault_id, (coalesce(last.so_far, 0) - coalesce(before.so_far, 0))::BIGINT AS errors
    FROM bounded
    ASOF LEFT JOIN request_errors AS before ON bounded.started_ns > before.ended_ns
    ASOF LEFT JOIN request_errors AS last ON until_ns > last.ended_ns
),
breaker AS (
    SELECT fault_id, count(*) AS changes, min(at_ns) FILTER (to_state = 'open') AS first_opened_ns
    FROM bounded
    JOIN breaker_changes ON provider = target AND at_ns >= started_ns AND at_ns < until_ns
    GROUP BY fault_id
),
ends AS (
    SELECT fault_id, bool_or(contains(reason, 'SIGKILL')) AS killed
    FROM plan
    JOIN actor_lifecycle ON node = target AND change IN ('crashed', 'stopped')
        AND contains(reason, '(fault ' || fault_id || ')')
    GROUP BY fault_id
),
gateway_lost AS (
    SELECT
        bounded.fault_id, count(*) AS connections, count(*) FILTER (change = 'refused') AS refused, min(at_ns) AS first_ns
    FROM bounded
    JOIN subscriptions ON name = target AND at_ns >= started_ns AND at_ns < until_ns
    WHERE side = 'gateway' AND change IN ('closed', 'refused', 'rejected', 'stale')
        -- After the load the gateway hangs up on its own.
        AND at_ns < coalesce((SELECT max(at_ns) FROM run_phases WHERE phase = 'load_ended'), until_ns)
    GROUP BY bounded.fault_id
),
clients_lost AS (
    SELECT bounded.fault_id, count(*) AS connections, min(at_ns) AS first_ns
    FROM bounded
    JOIN subscriptions ON at_ns >= started_ns AND at_ns < until_ns
    WHERE target = 'gateway' AND side = 'client' AND change IN ('closed', 'refused')
        -- After the load clients hang up on their own.
        AND at_ns < coalesce((SELECT max(at_ns) FROM run_phases WHERE phase = 'load_ended'), until_ns)
    GROUP BY bounded.fault_id
),
provider_connections AS (
    SELECT
        name, min(at_ns) FILTER (change = 'connected') AS connected_ns,
        max(at_ns) FILTER (change = 'closed') AS closed_ns
    FROM subscriptions
    WHERE side = 'provider' AND NOT EXISTS (FROM subscriptions WHERE side = 'gateway')
    GROUP BY name, segment, connection
),
died_with AS (
    SELECT fault_id, count(*) AS connections
    FROM bounded
    JOIN ends USING (fault_id)
    JOIN provider_connections ON name = target AND connected_ns < started_ns
        AND coalesce(closed_ns, started_ns) >= started_ns
    WHERE NOT EXISTS (
        FROM actor_lifecycle AS life
        WHERE life.node = target AND life.change IN ('crashed', 'stopped')
            AND life.at_ns >= connected_ns AND life.at_ns < started_ns
    )
    GROUP BY fault_id
),
-- What stood at the target when it was paused, and stood still until its end. At the gateway clients have subscribed.
paused_subscriptions AS (
    SELECT
        if(side = 'client', 'gateway', name) AS target, name, segment, connection, subscription,
        min(at_ns) FILTER (change = 'subscribed') AS subscribed_ns,
        min(at_ns) FILTER (change = 'unsubscribed') AS unsubscribed_ns
    FROM subscriptions
    WHERE side IN ('client', 'provider') AND subscription IS NOT NULL
    GROUP BY ALL
),
paused_closes AS (
    SELECT name, segment, connection, max(at_ns) AS closed_ns
    FROM subscriptions
    WHERE side IN ('client', 'provider') AND change = 'closed'
    GROUP BY ALL
),
published AS (
    SELECT provider AS target, at_ns FROM heads
    UNION ALL
    SELECT 'gateway', at_ns FROM notifications WHERE EXISTS (FROM paused WHERE target = 'gateway')
),
silent AS (
    SELECT fault_id, count(*) AS subscriptions
    FROM paused
    JOIN paused_subscriptions AS stood ON stood.target = paused.target AND subscribed_ns < started_ns
        AND coalesce(unsubscribed_ns, started_ns) >= started_ns
    LEFT JOIN paused_closes USING (name, segment, connection)
    WHERE coalesce(closed_ns, started_ns) >= started_ns
        AND until_ns - started_ns >= (SELECT (document ->> '$.scenario.chain.block_time')::BIGINT FROM run)
        AND NOT EXISTS (
            FROM published
            WHERE published.target = paused.target
                AND published.at_ns >= started_ns AND published.at_ns < until_ns - 10_000_000
        )
    GROUP BY fault_id
),
reporter AS (
    SELECT
        CASE
            WHEN attempts THEN 'gateway'
            WHEN EXISTS (FROM attempts) THEN 'providers'
        END AS source,
        breakers, streams
    FROM gateway_reports
),
counted AS (
    SELECT
        plan.*,
        if(plan.target = 'gateway', 'clients', reporter.source) AS source,
        rules.signs, rules.must_be_noticed,
        -- What the providers did not see may have been there.
        coalesce(rules.cuts_off, true) AND plan.target <> 'gateway' AND reporter.source = 'providers' AS is_blind,
        coalesce(attempted.before, 0)::BIGINT AS attempts_before,
        coalesce(attempted.leaked, 0)::BIGINT AS leaked_attempts,
        coalesce(failed.attempts, 0) AS failed_attempts,
        coalesce(failed.refused, 0) + coalesce(gateway_lost.refused, 0) AS refused_attempts,
        coalesce(stalled.attempts, 0) AS stalled_attempts,
        coalesce(tagged.attempts, 0) AS tagged_attempts,
        coalesce(head_tags.heads, 0) AS tagged_heads,
        coalesce(subscription_tags.changes, 0) AS tagged_subscriptions,
        coalesce(acted.actions, 0) AS actions,
        coalesce(
            clients_lost.connections, gateway_lost.connections, died_with.connections,
            if(streams OR ends.fault_id IS NOT NULL, 0, NULL)
        ) AS lost_connections,
        coalesce(silent.subscriptions, 0) AS silent_subscriptions,
        coalesce(client.errors, 0) AS request_errors,
        coalesce(cut_off.errors, 0) AS cut_off_errors,
        if(breakers, coalesce(breaker.changes, 0), NULL) AS breaker_changes,
        if(plan.target <> 'gateway' AND reporter.source = 'providers', gone_elsewhere.first_ns,
           least(failed.first_ns, gateway_lost.first_ns, clients_lost.first_ns, first_opened_ns)) - plan.started_ns AS time_to_detect_ns,
        CASE
            WHEN plan.target = 'gateway' OR reporter.source <> 'providers' OR attempts_before < 5 THEN NULL
            WHEN last_ns IS NULL THEN 0
            WHEN until_ns - last_ns >= greatest(1_000_000_000, 5 * (plan.started_ns - before_ns) / attempts_before)
                THEN last_ns - plan.started_ns
        END AS traffic_stopped_ns,
        first_ok_after_ns - plan.ended_ns AS time_to_recover_ns,
        ends.fault_id IS NOT NULL AS was_ended,
        coalesce(ends.killed, false) AS was_killed,
        coalesce(acted.pauses, 0) > 0 AS was_paused,
        coalesce(acted.kept_down, 0) > 0 AS was_kept_down,
        -- Fewer than 5 attempts before say nothing about the silence after. A tenth of the rate may remain:
        -- what was under way, and what a restarted provider answers before the fault counts as reverted.
        reporter.source = 'providers' AND attempts_before >= 5
            AND leaked_attempts / (until_ns - plan.started_ns)
                <= 0.1 * attempts_before / nullif(plan.started_ns - before_ns, 0) AS ceased
    FROM plan
    CROSS JOIN reporter
    LEFT JOIN fault_rules AS rules USING (kind)
    LEFT JOIN bounded USING (fault_id)
    LEFT JOIN attempted USING (fault_id)
    LEFT JOIN failed USING (fault_id)
    LEFT JOIN stalled USING (fault_id)
    LEFT JOIN tagged USING (fault_id)
    LEFT JOIN head_tags USING (fault_id)
    LEFT JOIN subscription_tags USING (fault_id)
    LEFT JOIN acted USING (fault_id)
    LEFT JOIN client USING (fault_id)
    LEFT JOIN breaker USING (fault_id)
    LEFT JOIN ends USING (fault_id)
    LEFT JOIN gateway_lost USING (fault_id)
    LEFT JOIN clients_lost USING (fault_id)
    LEFT JOIN died_with USING (fault_id)
    LEFT JOIN gone_elsewhere USING (fault_id)
    LEFT JOIN cut_off USING (fault_id)
    LEFT JOIN silent USING (fault_id)
),
-- A fault that goes on in steps is one to the gateway: who keeps away since an earlier step is not there to feel the next.
elsewhere AS (
    SELECT DISTINCT fault_id
    FROM bounded
    JOIN attempt_cells ON provider <> target AND first_started_ns < until_ns AND last_started_ns >= started_ns
),
steps AS (
    SELECT fault_id, sum(begins::INTEGER) OVER (PARTITION BY kind, target ORDER BY started_ns, fault_id) AS chain
    FROM (
        SELECT
            fault_id, kind, target, started_ns,
            -- Live, it takes some milliseconds to take a fault back and to put the next one in force.
            coalesce(started_ns - max(ended_ns) OVER (
                PARTITION BY kind, target ORDER BY started_ns, fault_id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW
            ) > 100_000_000, true) AS begins
        FROM bounded
    )
),
shown AS (
    SELECT
        *,
        list_filter([
            if(was_killed, 'killed', NULL),
            if(was_ended AND NOT was_killed, 'stopped', NULL),
            if(was_kept_down, 'kept_down', NULL),
            if(was_paused, 'paused', NULL),
            if(failed_attempts > 0, 'failed_attempts', NULL),
            if(refused_attempts > 0 AND list_contains(signs, 'refused_attempts'), 'refused_attempts', NULL),
            if(stalled_attempts > 0, 'stalled_attempts', NULL),
            if(tagged_attempts > 0, 'tagged_attempts', NULL),
            if(tagged_heads > 0, 'tagged_heads', NULL),
            if(tagged_subscriptions > 0, 'tagged_subscriptions', NULL),
            if(actions > 0, 'acted', NULL),
            if(lost_connections > 0, 'lost_connections', NULL),
            if(silent_subscriptions > 0, 'silent_subscriptions', NULL),
            if(breaker_changes > 0, 'breaker_changes', NULL),
            if(ceased, 'traffic_ceased', NULL),
            if(cut_off_errors > 0, 'clients_failed', NULL)
        ], lambda sign: sign IS NOT NULL) AS evidence
    FROM counted
),
felt AS (
    SELECT
        *,
        started_ns IS NOT NULL AND list_has_any(evidence, coalesce(signs, [])) AND (
            NOT must_be_noticed OR list_has_any(evidence, [
                'failed_attempts', 'stalled_attempts', 'breaker_changes', 'traffic_ceased', 'lost_connections',
                'silent_subscriptions', 'clients_failed'
            ])
        ) AS was_felt
    FROM shown
),
avoided AS (
    SELECT
        felt.*,
        NOT was_felt AND leaked_attempts = 0 AND NOT coalesce(is_blind, true) AND elsewhere.fault_id IS NOT NULL
            AND coalesce(bool_or(was_felt) OVER (
                PARTITION BY kind, target, chain ORDER BY started_ns ROWS UNBOUNDED PRECEDING
            ), false) AS was_avoided
    FROM felt
    LEFT JOIN steps USING (fault_id)
    LEFT JOIN elsewhere USING (fault_id)
)
SELECT
    fault_id, kind, target, planned_ns, started_ns, ended_ns, failure, source,
    if(source IS NULL, NULL, attempts_before) AS attempts_before,
    if(source IS NULL OR (is_blind AND leaked_attempts = 0), NULL, leaked_attempts) AS leaked_attempts,
    if(source IS NULL OR (is_blind AND failed_attempts = 0), NULL, failed_attempts) AS failed_attempts,
    if(coalesce(source, 'providers') = 'providers' AND refused_attempts = 0, NULL, refused_attempts) AS refused_attempts,
    if(source IS NULL OR (is_blind AND stalled_attempts = 0), NULL, stalled_attempts) AS stalled_attempts,
    tagged_attempts, tagged_heads, tagged_subscriptions, actions, lost_connections, silent_subscriptions, request_errors,
    cut_off_errors, breaker_changes, time_to_detect_ns, traffic_stopped_ns, time_to_recover_ns,
    coalesce(signs, []) AS signs,
    if(was_avoided, list_append(evidence, 'kept_away'), evidence) AS evidence,
    was_felt OR was_avoided AS effect_observed
FROM avoided
