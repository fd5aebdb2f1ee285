-- Which requests of a workload fared worst in a part of the run?
--
-- $starts_ns, $ends_ns      the windows they were due in: from a start until before its end
-- $workload
-- $limit                    how many rows at most
--
-- request_id                those that did not succeed first, then those that took longest
SELECT request_id
FROM requests
SEMI JOIN windows($starts_ns, $ends_ns) ON scheduled_ns >= start_ns AND scheduled_ns < end_ns
WHERE workload = $workload::VARCHAR
ORDER BY NOT succeeded(outcome) DESC, ended_ns - scheduled_ns DESC, request_id DESC
LIMIT $limit
