-- How often did two real providers name the same block at a height, and how often another?
--
-- What a provider said last of a height counts: a reorganisation changes it. Each pair of providers has one row.
--
-- No row without: chain_facts
--
-- provider, other_provider
-- heights          that both have named a block of
-- differing        of them those with two blocks
-- longest          the most of these in a row, among the heights that both have named
-- height           the first of that row; NULL: none differ
-- said, other_said the blocks there
-- request_id, other_request_id
WITH last_said AS (
    SELECT
        provider,
        CAST(substr(subject, 7) AS BIGINT) AS height,
        arg_max(value, at_ns) AS block_hash,
        arg_max(coalesce(request_id, ''), at_ns) AS request_id
    FROM chain_facts
    WHERE NOT is_final AND subject LIKE 'block %'
    GROUP BY ALL
),
pairs AS (
    SELECT
        a.provider,
        b.provider AS other_provider,
        height,
        a.block_hash AS said,
        b.block_hash AS other_said,
        a.request_id,
        b.request_id AS other_request_id,
        a.block_hash <> b.block_hash AS differs
    FROM last_said AS a
    INNER JOIN last_said AS b USING (height)
    WHERE a.provider < b.provider
),
rows_of_heights AS (
    -- Within a row of heights that differ as many have passed as have passed that do not.
    SELECT
        *,
        count(*) FILTER (NOT differs) OVER (PARTITION BY provider, other_provider ORDER BY height) AS row_number
    FROM pairs
),
streaks AS (
    SELECT
        provider,
        other_provider,
        row_number,
        count(*) AS length,
        min(height) AS height,
        arg_min(said, height) AS said,
        arg_min(other_said, height) AS other_said,
        arg_min(request_id, height) AS request_id,
        arg_min(other_request_id, height) AS other_request_id
    FROM rows_of_heights
    WHERE differs
    GROUP BY ALL
),
longest AS (
    FROM streaks
    QUALIFY row_number() OVER (PARTITION BY provider, other_provider ORDER BY length DESC, height) = 1
)
SELECT
    provider,
    other_provider,
    count(*) AS heights,
    count(*) FILTER (differs) AS differing,
    coalesce(any_value(longest.length), 0) AS longest,
    any_value(longest.height) AS height,
    any_value(longest.said) AS said,
    any_value(longest.other_said) AS other_said,
    any_value(longest.request_id) AS request_id,
    any_value(longest.other_request_id) AS other_request_id
FROM pairs
LEFT JOIN longest USING (provider, other_provider)
GROUP BY provider, other_provider
ORDER BY provider, other_provider
