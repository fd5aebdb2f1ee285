-- When did the author's own generator hold a workload up?
--
-- No row without: bench_limits
--
-- $lag_ns        a call of it that is longer than this
-- $total_ns      or calls that took longer than this in one second
--
-- workload
-- at_ns          the end of that second
-- times          calls in it
-- duration_ns    the longest of them
-- total_ns       all of them
-- detail         its name, file and line
WITH workloads AS (
    SELECT segment, any_value(workload) AS workload FROM generator_samples GROUP BY segment
)
SELECT workload, at_ns, times, duration_ns, bench_limits.total_ns, detail
FROM bench_limits
JOIN workloads USING (segment)
WHERE "limit" = 'generator' AND (duration_ns > $lag_ns OR bench_limits.total_ns > $total_ns)
ORDER BY workload, at_ns
