-- How many WebSocket clients were closed because they read too slowly (1008)?
--
-- closed        as the gateway reports, if it does, else as the clients do: one that never reads again never learns why
-- first_at_ns   the first of them; NULL: none was
SELECT
    greatest(count(*) FILTER (side = 'gateway'), count(*) FILTER (side = 'client')) AS closed,
    min(at_ns) AS first_at_ns
FROM subscriptions
WHERE change = 'closed' AND close_code = 1008 AND (side = 'client' OR (side = 'gateway' AND name = '(clients)'))
