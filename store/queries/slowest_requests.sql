-- Which requests took longest, counted from when they were due? Failed ones too.
--
-- $limit    how many rows at most
--
-- request_id
SELECT request_id
FROM requests
ORDER BY ended_ns - scheduled_ns DESC, scheduled_ns, request_id
LIMIT $limit
