-- How often did the newest block go back for the clients of each workload, by their requests?
--
-- Only workloads some answer of which says a height have a row.
--
-- $blocks, $settle_ns     what is tolerated: so many blocks at any time, all for so long after a fault that made providers
--                         see an older chain, or another one
-- $limit                  how many requests are listed at most
--
-- workload
-- answers             that are about the newest block, and not wrong
-- went_back           of them lower than what the same client had seen before
-- blocks_max          by how many blocks at most; 0: none went back
-- unexplained         of those that went back: by more than is tolerated, and no such fault held meanwhile
-- unexplained_blocks_max
-- worst               [{request_id, height, told_height, blocks}] of the unexplained ones, else of all, the deepest first
WITH asked AS (
    SELECT workload, count(*) AS answers
    FROM requests
    WHERE height IS NOT NULL AND sent_ns IS NOT NULL AND answer <> 'wrong'
    GROUP BY workload
),
settling AS (
    SELECT ended_ns AS from_ns, least(ended_ns, never_ns() - $settle_ns) + $settle_ns AS to_ns
    FROM fault_spans
    SEMI JOIN (FROM fault_rules WHERE makes_stale) USING (kind)
    WHERE ended_ns IS NOT NULL
),
judged AS MATERIALIZED (
    SELECT
        *,
        fault_id IS NULL AND blocks > $blocks
            AND NOT EXISTS (FROM settling WHERE sent_ns >= from_ns AND sent_ns < to_ns) AS unexplained
    FROM height_regressions
),
regressed AS (
    SELECT
        workload,
        count(*) AS went_back,
        max(blocks) AS blocks_max,
        count(*) FILTER (unexplained) AS unexplained,
        max(blocks) FILTER (unexplained) AS unexplained_blocks_max
    FROM judged
    GROUP BY workload
),
ranked AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY workload ORDER BY NOT unexplained, blocks DESC, sent_ns, request_id
        ) AS place
    FROM judged
),
listed AS (
    SELECT
        workload,
        list({request_id: request_id, height: height, told_height: told_height, blocks: blocks} ORDER BY place) AS worst
    FROM ranked
    WHERE place <= $limit
    GROUP BY workload
)
SELECT
    workload, answers, coalesce(went_back, 0) AS went_back, coalesce(blocks_max, 0) AS blocks_max,
    coalesce(unexplained, 0) AS unexplained, coalesce(unexplained_blocks_max, 0) AS unexplained_blocks_max,
    coalesce(worst, []) AS worst
FROM asked
LEFT JOIN regressed USING (workload)
LEFT JOIN listed USING (workload)
ORDER BY workload
