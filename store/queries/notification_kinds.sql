-- How many notifications came, of which kind, and what were they worth?
--
-- No row without: notifications
--
-- kind        of the subscription
-- answer      'right', 'wrong', 'stale' or 'none'
-- notifications
-- first_key, first_at_ns      the first of them
SELECT
    kind, answer, count(*) AS notifications, arg_min(key, (at_ns, key)) AS first_key, min(at_ns) AS first_at_ns
FROM notifications
GROUP BY kind, answer
ORDER BY kind, answer
