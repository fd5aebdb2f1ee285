-- When, while there was load, did the hypervisor of this machine give its CPU time to other machines?
--
-- No row without: system_samples
--
-- $steal_ratio      more of the machine's CPU time than this part of it
--
-- second            of the run
-- began_ns, at_ns   the time that its samples are about
-- steal_ratio       the greatest of them, at most 1: whatever a log says, there is no more than all of it
SELECT
    second_of(at_ns) AS second,
    min(at_ns - 1_000_000_000 - coalesce(loop_lag_ns, 0)) AS began_ns,
    max(at_ns) AS at_ns,
    least(max(system_samples.steal_ratio), 1) AS steal_ratio
FROM system_samples
WHERE system_samples.steal_ratio > $steal_ratio
    AND at_ns >= (SELECT coalesce(min(at_ns), 0) FROM run_phases WHERE phase = 'load_began')
    AND at_ns - 1_000_000_000 <= (SELECT coalesce(max(at_ns), never_ns()) FROM run_phases WHERE phase = 'load_ended')
GROUP BY second
ORDER BY second
