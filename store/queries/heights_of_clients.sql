-- How often did the newest block go back for the clients of each workload, by their requests?
--
-- Only workloads some answer of which says a height have a row.
--
-- $limit    how many requests are listed at most
--
-- workload
-- answers             that are about the newest block, and not wrong
-- went_back           of them lower than what the same client had been told of before
-- blocks_max          by how many blocks at most; 0: none went back
-- unexplained         of those that went back: no fault made providers see an older chain, or another one, meanwhile
-- unexplained_blocks_max
-- worst               [{request_id, height, told_height, blocks}] of the unexplained ones, else of all, the deepest first
WITH asked AS (
    SELECT workload, count(*) AS answers
    FROM requests
    WHERE height IS NOT NULL AND sent_ns IS NOT NULL AND answer <> 'wrong'
    GROUP BY workload
),
regressed AS (
    SELECT
        workload,
        count(*) AS went_back,
        max(blocks) AS blocks_max,
        count(*) FILTER (fault_id IS NULL) AS unexplained,
        max(blocks) FILTER (fault_id IS NULL) AS unexplained_blocks_max
    FROM height_regressions
    GROUP BY workload
),
ranked AS (
    SELECT
        *, row_number() OVER (
            PARTITION BY workload ORDER BY fault_id IS NOT NULL, blocks DESC, sent_ns, request_id
        ) AS place
    FROM height_regressions
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
