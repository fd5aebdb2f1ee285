-- When did each block come about on the chain, by the chain's own clock?
--
-- Block n after the start height comes about at n block times since the run's epoch, and later where a fault of the plan
-- made the chain slow or halted it (the table `chain_paces`). No rows when a provider is a real one: the clock of its chain
-- is not known.
--
-- number        the height
-- at_ns         when it came about; up to the end of the log
CREATE VIEW mined_blocks AS
WITH chain AS (
    SELECT
        (document ->> '$.scenario.chain.block_time')::BIGINT AS block_ns,
        (document ->> '$.scenario.chain.start_height')::BIGINT AS start_height,
        (SELECT max(at_ns) FROM run_phases) AS end_ns
    FROM run
    WHERE NOT list_contains(json_extract_string(document, '$.scenario.providers[*].type'), 'real')
),
paces AS (
    SELECT 0 AS from_ns, start_height AS height, block_ns AS every_ns, 0 AS first
    FROM chain
    WHERE block_ns > 0
    UNION ALL
    SELECT from_ns, height, every_ns, 1 FROM chain_paces
    WHERE at_ns = (SELECT max(at_ns) FROM chain_paces)
),
spans AS (
    SELECT
        from_ns, height, every_ns, first,
        least(lead(from_ns, 1, end_ns) OVER (ORDER BY from_ns, first), end_ns) AS to_ns
    FROM paces, chain
)
SELECT height + block AS number, from_ns + block * every_ns AS at_ns
FROM (
    SELECT *, unnest(range(first, (to_ns - from_ns) // nullif(every_ns, 0) + 1)) AS block
    FROM spans
    WHERE every_ns > 0 AND to_ns >= from_ns
)
