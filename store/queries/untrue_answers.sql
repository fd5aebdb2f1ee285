-- Which requests got an answer that does not hold? Wrong ones first, then stale ones, each in the order of time.
--
-- $limit    how many rows at most
--
-- request_id
SELECT request_id
FROM requests
WHERE answer IN ('wrong', 'stale')
ORDER BY answer DESC, ended_ns, request_id
LIMIT $limit
