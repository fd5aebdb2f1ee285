-- Which faults met a provider that the gateway had not used any more since an earlier fault there?
--
-- No row without: faults
--
-- A provider was in use when at least 5 attempts began at it before the first fault of the run. It was not used again when
-- none began there from a second after the earlier fault's end to the end of the later one, while others got some. The
-- latest such earlier fault counts, that had attempts before it.
--
-- fault_id         the later fault; nothing in the log shows an effect of it
-- target
-- since_fault_id   the earlier fault
-- unused_ns        from the end of the earlier one to the start of the later one
WITH windows AS MATERIALIZED (
    SELECT fault_id, target, started_ns, ended_ns, effect_observed, attempts_before FROM fault_windows
    WHERE started_ns IS NOT NULL
),
spans AS (
    SELECT fault_id, until_ns FROM fault_spans
),
in_use AS (
    SELECT provider AS target
    FROM attempt_cells
    WHERE last_started_ns < (SELECT min(started_ns) FROM windows)
    GROUP BY provider
    HAVING sum(attempts) >= 5
),
pairs AS (
    SELECT
        later.fault_id, target, later.started_ns, until_ns, earlier.fault_id AS since_fault_id,
        earlier.ended_ns AS since_ns
    FROM windows AS later
    JOIN spans USING (fault_id)
    JOIN in_use USING (target)
    JOIN windows AS earlier USING (target)
    WHERE NOT later.effect_observed AND earlier.ended_ns < later.started_ns AND earlier.attempts_before > 0
    QUALIFY row_number() OVER (PARTITION BY later.fault_id ORDER BY earlier.ended_ns DESC, earlier.fault_id) = 1
)
SELECT fault_id, target, since_fault_id, started_ns - since_ns AS unused_ns
FROM pairs
JOIN attempt_cells ON last_started_ns >= since_ns + 1_000_000_000 AND first_started_ns < until_ns
GROUP BY fault_id, target, since_fault_id, unused_ns
HAVING count(*) FILTER (provider = target) = 0
ORDER BY min(started_ns), fault_id
