-- When was each provider used again after a fault there was over, and how did clients fare until then?
--
-- No row without: faults
--
-- A row per fault that ended, of those that were applied at a provider to which at least 5 attempts had begun before the
-- first fault of the run.
--
-- fault_id, target
-- ended_ns         of the fault; where faults of the target overlap, of the last of them
-- until_ns         how long one can see: to the next fault at the target, or the end of the load
-- is_last          whether that is the end of the load
-- others           attempts at other providers meanwhile
-- used_ns          when the first attempt began there after the fault; NULL: none did until then
-- due              requests due from the fault's end until it was used, or as long as one can see; 0 when that was less than
--                  a tenth of a second
-- failed           of them did not succeed
-- closed_ns        when its HTTP breaker closed that was not closed at the fault's end; NULL: never, or no breaker is known
-- was_open         whether there was such a breaker
WITH spans AS MATERIALIZED (
    FROM fault_spans WHERE started_ns IS NOT NULL
),
first_fault AS (
    SELECT min(started_ns) AS at_ns FROM spans
),
load_end AS (
    SELECT coalesce(max(at_ns) FILTER (phase = 'load_ended'), max(at_ns)) AS at_ns FROM run_phases
),
in_use AS (
    SELECT provider
    FROM attempt_cells, first_fault
    WHERE last_started_ns < at_ns
    GROUP BY provider
    HAVING sum(attempts) >= 5
),
over AS MATERIALIZED (
    SELECT
        fault_id, target, ended_ns, least(next_started_ns, at_ns) AS until_ns, next_started_ns >= at_ns AS is_last
    FROM spans, load_end
    WHERE ended_ns IS NOT NULL AND target IN (FROM in_use)
        AND ended_ns < least(next_started_ns, at_ns)
        AND NOT EXISTS (
            FROM spans AS other
            WHERE other.target = spans.target AND other.fault_id <> spans.fault_id
                AND other.started_ns <= spans.ended_ns AND coalesce(other.ended_ns > spans.ended_ns, true)
        )
),
used AS MATERIALIZED (
    SELECT over.*, min(if(first_started_ns >= ended_ns, first_started_ns, last_started_ns)) AS used_ns
    FROM over
    LEFT JOIN attempt_cells ON provider = target AND last_started_ns >= ended_ns AND last_started_ns < until_ns
    GROUP BY ALL
),
-- Most providers are used again at once: then no request is read.
rested AS (
    SELECT fault_id, ended_ns AS from_ns, coalesce(used_ns, until_ns) AS to_ns
    FROM used
    WHERE to_ns - from_ns >= 100_000_000
),
fared AS (
    SELECT fault_id, count(*) AS due, count(*) FILTER (NOT succeeded(outcome)) AS failed
    FROM (SELECT *, unnest(range(second_of(from_ns), second_of(to_ns - 1) + 1)) AS second FROM rested)
    JOIN requests ON second_of(scheduled_ns) = second AND scheduled_ns >= from_ns AND scheduled_ns < to_ns
    GROUP BY fault_id
),
elsewhere AS (
    SELECT fault_id, sum(attempts) AS others
    FROM used
    JOIN attempt_cells ON provider <> target AND first_started_ns >= ended_ns AND first_started_ns < until_ns
    GROUP BY fault_id
),
breakers AS (
    SELECT fault_id, max(coalesce(breaker_outages.ended_ns, never_ns())) AS closed_ns
    FROM over
    JOIN breaker_outages ON provider = target AND transport = 'http' AND started_ns <= over.ended_ns
        AND coalesce(breaker_outages.ended_ns > over.ended_ns, true)
    GROUP BY fault_id
)
SELECT
    fault_id, target, ended_ns, until_ns, is_last, coalesce(others, 0)::BIGINT AS others, used_ns, coalesce(due, 0) AS due,
    coalesce(failed, 0) AS failed,
    nullif(closed_ns, never_ns()) AS closed_ns, closed_ns IS NOT NULL AS was_open
FROM used
LEFT JOIN fared USING (fault_id)
LEFT JOIN elsewhere USING (fault_id)
LEFT JOIN breakers USING (fault_id)
ORDER BY ended_ns, fault_id
