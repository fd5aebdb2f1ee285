-- How many heads did each provider publish to its subscribers?
--
-- No row without: heads
--
-- A row per provider; provider NULL is all of them together, where the same head of several counts once. Providers
-- publish only to who has subscribed at them.
--
-- provider
-- heads            different ones
-- repeated         published again
-- heights          different heights; fewer than heads after a reorg
-- tagged           of the publications under a fault
SELECT
    provider,
    count(DISTINCT hash) AS heads,
    count(*) - count(DISTINCT (provider, hash)) AS repeated,
    count(DISTINCT number) AS heights,
    count(fault_id) AS tagged
FROM heads
GROUP BY GROUPING SETS ((provider), ())
HAVING count(*) > 0
ORDER BY provider NULLS FIRST
