-- When did each height come about on the chain, and from when on could a client have got a head of it?
--
-- A block comes about when the chain's clock says so (the view `mined_blocks`), whoever published it, and when. What the chain does is what the scenario says of it, when all providers are
-- mocks; otherwise a height comes about when some provider first published one.
--
-- From when some provider published one, or already from when there was one on the chain and a provider that could have
-- published it: nobody publishes to a gateway that has not subscribed, and that must not hide what its clients missed.
-- A provider could when no fault held it.
--
-- number        the height
-- first_ns      from when on a client could have got it
-- produced_ns   when it came about on the chain; never after first_ns
CREATE VIEW chain_heights AS
WITH chain AS (
    SELECT
        json_array_length(document, '$.scenario.providers') AS providers
    FROM run
    WHERE NOT list_contains(json_extract_string(document, '$.scenario.providers[*].type'), 'real')
),
spans AS (
    SELECT
        any_value(target) AS target,
        min(at_ns) FILTER (phase = 'applied') AS from_ns,
        coalesce(max(at_ns) FILTER (phase = 'reverted'), never_ns()) AS to_ns
    FROM faults
    GROUP BY fault_id
    HAVING from_ns IS NOT NULL
),
moments AS (
    SELECT 0 AS at_ns UNION SELECT from_ns FROM spans UNION SELECT to_ns FROM spans
),
held AS (
    SELECT moments.at_ns, count(DISTINCT target) AS targets
    FROM moments
    LEFT JOIN spans ON from_ns <= moments.at_ns AND to_ns > moments.at_ns
    GROUP BY moments.at_ns
),
-- At each moment when something changes: the next one, or this one, at which not all providers are held.
free AS (
    SELECT
        at_ns,
        min(if(targets < providers, at_ns, NULL))
            OVER (ORDER BY at_ns ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS free_ns
    FROM held, chain
),
available AS (
    SELECT number, greatest(mined_blocks.at_ns, free_ns) AS first_ns
    FROM mined_blocks
    ASOF JOIN free ON mined_blocks.at_ns >= free.at_ns
    WHERE free_ns < never_ns()
)
SELECT
    number, min(first_ns) AS first_ns, least(any_value(mined_blocks.at_ns), min(first_ns)) AS produced_ns
FROM (
    SELECT number, first_ns FROM available
    UNION ALL
    SELECT number, first_ns FROM published_heads
)
LEFT JOIN mined_blocks USING (number)
GROUP BY number
