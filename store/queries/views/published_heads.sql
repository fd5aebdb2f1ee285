-- Which heads were published, and when first?
--
-- All providers together. What a provider published while it was on a chain that is not the scenario's (fault
-- `wrong_chain`) is left out. After a reorg a height has several.
--
-- number, hash, parent_hash
-- first_ns        when the first provider published it
-- providers       how many providers published it
CREATE VIEW published_heads AS
WITH wrong_chain AS (
    SELECT
        any_value(target) AS provider,
        min(at_ns) FILTER (phase = 'applied') AS from_ns,
        coalesce(max(at_ns) FILTER (phase = 'reverted'), never_ns()) AS to_ns
    FROM faults
    WHERE kind = 'wrong_chain'
    GROUP BY fault_id
)
SELECT
    any_value(number) AS number, hash, any_value(parent_hash) AS parent_hash, min(at_ns) AS first_ns,
    count(DISTINCT provider) AS providers
FROM heads
ANTI JOIN wrong_chain ON heads.provider = wrong_chain.provider AND at_ns >= from_ns AND at_ns < to_ns
GROUP BY hash
