-- How did the requests fail that did not succeed, in a part of the run?
--
-- A row per kind of failure, the commonest first.
--
-- $starts_ns, $ends_ns      the windows they were due in: from a start until before its end
-- $workload                 only of this workload; NULL: of all
-- $method                   only of this method; NULL: of all
--
-- failure, http_status, rpc_code      NULL when there was none
-- requests
-- first_request_id
WITH failed AS (
    SELECT failure, http_status, rpc_code, request_id, ended_ns, scheduled_ns
    FROM requests
    WHERE NOT succeeded(outcome)
        AND is_chosen(workload, $workload)
        AND is_chosen(method, $method)
)
SELECT
    failure, http_status, rpc_code,
    count(*) AS requests,
    arg_min(request_id, (ended_ns, request_id)) AS first_request_id
FROM failed
SEMI JOIN windows($starts_ns, $ends_ns) ON scheduled_ns >= start_ns AND scheduled_ns < end_ns
GROUP BY ALL
ORDER BY requests DESC, failure, http_status, rpc_code
