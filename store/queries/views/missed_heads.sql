-- Which heights did which client subscription miss?
--
-- segment, workload, connection, subscription      see the view `head_subscriptions`
-- number         the height
-- published_ns   when some provider first published a head of it; NULL: nobody had subscribed to it
CREATE VIEW missed_heads AS
WITH due AS (
    SELECT segment, workload, connection, subscription, unnest(range(first_due, last_due + 1)) AS number
    FROM head_continuity
    WHERE missed > 0
),
heights AS (
    SELECT number, min(first_ns) AS published_ns FROM published_heads GROUP BY number
)
SELECT segment, workload, connection, subscription, number, published_ns
FROM due
ANTI JOIN (
    SELECT segment, connection, subscription, number FROM notifications WHERE kind = 'newHeads'
) USING (segment, connection, subscription, number)
LEFT JOIN heights USING (number)
