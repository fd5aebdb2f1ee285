-- Which nodes did the run start?
--
-- node
SELECT DISTINCT node
FROM actor_lifecycle
WHERE change = 'started'
ORDER BY node
