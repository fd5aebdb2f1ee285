-- How was a load generator doing when a request was due?
--
-- $workload, $node    which one
-- $at_ns              when
--
-- at_ns               the end of that second
-- backlog, in_flight  at its end
-- dropped             in it
-- lateness_p99_ns     of what was sent in it
-- loop_lag_ns         the longest that the node's event loop stood still around it; NULL: not measured
SELECT
    at_ns, backlog, in_flight, dropped, lateness_p99_ns,
    (
        SELECT max(loop_lag_ns)
        FROM system_samples
        WHERE node = $node::VARCHAR AND system_samples.at_ns BETWEEN $at_ns::BIGINT - 1_000_000_000 AND $at_ns::BIGINT + 2_000_000_000
    ) AS loop_lag_ns
FROM generator_samples
JOIN segments USING (segment)
WHERE workload = $workload::VARCHAR AND node = $node::VARCHAR AND at_ns >= $at_ns
ORDER BY at_ns
LIMIT 1
