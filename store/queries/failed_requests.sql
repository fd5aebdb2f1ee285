-- Which requests did not succeed? The first of each kind of failure, then the second of each, and so on.
--
-- $limit    how many rows at most
--
-- request_id
SELECT request_id
FROM requests
WHERE NOT succeeded(outcome)
ORDER BY
    row_number() OVER (PARTITION BY outcome, failure, http_status, rpc_code ORDER BY ended_ns, request_id),
    ended_ns, request_id
LIMIT $limit
