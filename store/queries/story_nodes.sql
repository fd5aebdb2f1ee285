-- Which nodes were down when a moment came, and which died or started from then on?
--
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- at_ns, node, change    'started', 'crashed' or 'stopped': the last of each node before the span, and those in it
-- reason
SELECT at_ns, node, change, reason
FROM actor_lifecycle
WHERE actor = node AND change IN ('started', 'crashed', 'stopped') AND at_ns <= $until_ns
QUALIFY at_ns >= $from_ns OR row_number() OVER (PARTITION BY node, at_ns < $from_ns ORDER BY at_ns DESC) = 1
ORDER BY at_ns, node
LIMIT $limit
