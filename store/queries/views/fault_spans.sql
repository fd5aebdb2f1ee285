-- From when to when did each fault hold, and between which neighbours?
--
-- fault_id, kind, target
-- planned_ns         when it was due
-- started_ns         when it was applied; NULL: never was
-- ended_ns           when it was reverted; NULL: never was
-- failure            why it could not be applied, or came to nothing
-- until_ns           its end, or that of the log. Of a fault that ended the gateway or kept it down, when the gateway was ready
--                    again, if that was later and before the next such fault
-- before_ns          begin of the stretch before it that it is compared with: as long as the fault, or since the one
--                    before it at the same target
-- next_started_ns    when the next one at the same target began, or the log ended; not before until_ns
CREATE VIEW fault_spans AS
WITH plan AS (
    SELECT
        fault_id,
        any_value(kind) AS kind,
        any_value(target) AS target,
        min(planned_ns) AS planned_ns,
        min(at_ns) FILTER (phase = 'applied') AS started_ns,
        max(at_ns) FILTER (phase = 'reverted') AS ended_ns,
        any_value(detail) FILTER (phase IN ('failed', 'reverted')) AS failure
    FROM faults
    GROUP BY fault_id
),
log_end AS (
    SELECT greatest((SELECT max(at_ns) FROM run_phases), (SELECT max(ended_ns) FROM requests),
                    (SELECT max(at_ns) FROM faults)) AS at_ns
),
gateway_changes AS (
    SELECT at_ns, incarnation, change, reason
    FROM actor_lifecycle
    WHERE actor = 'gateway' AND node = 'gateway' AND change IN ('started', 'crashed')
),
-- One that drains may have ended only after the fault was over.
outages AS (
    SELECT
        fault_id,
        greatest(ended_ns, (
            SELECT max(at_ns) FROM gateway_changes
            WHERE change = 'crashed' AND contains(reason, '(fault ' || fault_id || ')')
        )) AS over_ns,
        lead(started_ns, 1, never_ns()) OVER (ORDER BY started_ns, fault_id) AS next_ns
    FROM plan
    SEMI JOIN (FROM fault_rules WHERE list_contains(signs, 'kept_down')) USING (kind)
    WHERE target = 'gateway' AND started_ns IS NOT NULL AND ended_ns IS NOT NULL AND failure IS NULL
),
starting AS (
    SELECT
        fault_id,
        least(next_ns, coalesce(
            (SELECT min(at_ns) FROM gateway_changes WHERE change = 'started' AND at_ns > over_ns), never_ns()
        )) AS ready_ns
    FROM outages
    JOIN gateway_changes ON at_ns <= over_ns
    GROUP BY fault_id, over_ns, next_ns
    HAVING arg_max(change, (at_ns, incarnation, change = 'crashed')) = 'crashed'
),
bounded AS (
    SELECT
        fault_id,
        least(greatest(coalesce(ended_ns, log_end.at_ns), ready_ns), log_end.at_ns) AS until_ns,
        -- Faults of one target may overlap: look no further than the neighbours, but at all of the window.
        least(started_ns, greatest(
            started_ns - (until_ns - started_ns), lag(if(ended_ns IS NULL, NULL, until_ns), 1, 0) OVER of_target
        ))
            AS before_ns,
        greatest(until_ns, lead(started_ns, 1, log_end.at_ns + 1) OVER of_target) AS next_started_ns
    FROM plan
    CROSS JOIN log_end
    LEFT JOIN starting USING (fault_id)
    WHERE started_ns IS NOT NULL
    WINDOW of_target AS (PARTITION BY target ORDER BY started_ns, fault_id)
)
SELECT plan.*, until_ns, before_ns, next_started_ns
FROM plan
LEFT JOIN bounded USING (fault_id)
