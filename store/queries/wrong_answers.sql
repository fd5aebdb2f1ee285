-- Which requests got a wrong answer?
--
-- $limit      how many rows at most
--
-- request_id, workload, method, provider (NULL: unknown), ended_ns
SELECT request_id, workload, method, provider, ended_ns
FROM requests
WHERE answer = 'wrong'
ORDER BY ended_ns, request_id
LIMIT $limit
