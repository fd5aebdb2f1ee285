-- When, while there was load, was an event loop of the test bench late?
--
-- No row without: system_samples
--
-- The bench: the load generator and the mock providers. A provider that a fault holds is as late as the fault wants,
-- and a load node is as late as the author's own generator makes it.
--
-- $lag_ns        later than this
--
-- node, at_ns, loop_lag_ns
SELECT node, at_ns, loop_lag_ns
FROM system_samples
WHERE loop_lag_ns > $lag_ns
    AND node NOT IN ('gateway', 'coordinator')
    AND at_ns >= (SELECT coalesce(min(at_ns), 0) FROM run_phases WHERE phase = 'load_began')
    AND at_ns - loop_lag_ns - 1_000_000_000 <= (SELECT coalesce(max(at_ns), never_ns()) FROM run_phases WHERE phase = 'load_ended')
    AND NOT EXISTS (
        FROM fault_spans
        WHERE target = node
            AND started_ns <= at_ns
            AND coalesce(fault_spans.ended_ns, at_ns) + loop_lag_ns + 1_000_000_000 >= at_ns
    )
    AND NOT EXISTS (
        FROM bench_limits
        WHERE bench_limits.node = system_samples.node
            AND bench_limits."limit" = 'generator'
            AND bench_limits.at_ns + 1_000_000_000 >= system_samples.at_ns - system_samples.loop_lag_ns
            AND bench_limits.at_ns - bench_limits.total_ns - 1_000_000_000 <= system_samples.at_ns
    )
ORDER BY at_ns, node
