-- Which limits of its own did the test bench meet while the load went on? What the author's own generator cost is in
-- the query `slow_generators`.
--
-- No row without: bench_limits
--
-- node, limit
-- times         how often
-- first_at_ns
-- duration_ns   the longest: of a standstill, or of the wait for a connection (NULL: does not apply)
-- bound         what the limit was, if it is one of the scenario's
-- detail        of the first time
WITH load AS (
    SELECT
        min(at_ns) FILTER (WHERE phase = 'load_began') AS began_ns,
        coalesce(min(at_ns) FILTER (WHERE phase = 'load_ended'), 9223372036854775807) AS ended_ns
    FROM run_phases
)
SELECT
    node,
    "limit",
    sum(times)::BIGINT AS times,
    min(at_ns) AS first_at_ns,
    max(duration_ns) AS duration_ns,
    any_value(bound) AS bound,
    arg_min(detail, at_ns) AS detail
FROM bench_limits, load
WHERE at_ns >= began_ns AND "limit" NOT IN ('generator', 'read_rate')
    -- A standstill is known at its end; one that ended after the load may have begun in it.
    AND at_ns - CASE WHEN "limit" = 'standstill' THEN duration_ns ELSE 0 END <= ended_ns
GROUP BY ALL
ORDER BY first_at_ns, node, "limit"
