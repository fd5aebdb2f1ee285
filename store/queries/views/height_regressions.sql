-- Which answers about the newest block were of an older one than the same client had seen before?
--
-- A client is one user of a closed loop, and one node of any other workload: its answers come from one chain. An answer went back when
-- its request was sent after an answer of a greater height had come. Wrong answers do not count here: they are reported
-- of elsewhere. A batch counts with its lowest height.
--
-- request_id, workload, segment, method
-- client          which user of a closed loop; NULL: the whole node is one client
-- sent_ns, ended_ns
-- height          the block that the answer is of
-- told_height     the greatest height of an answer that had come before this request was sent
-- blocks          how far it went back
-- fault_id        a fault under which providers see an older chain, or another one, and which held while the request was
--                 under way, or by which a provider was ahead and had named a block that did not exist by then;
--                 NULL: none
CREATE VIEW height_regressions AS
WITH answered AS (
    SELECT request_id, workload, segment, client, coalesce(client, -1) AS asker, method, sent_ns, ended_ns, height
    FROM requests
    WHERE height IS NOT NULL AND sent_ns IS NOT NULL AND answer <> 'wrong'
),
-- When each client saw each height first: a row a block, however many requests there are.
first_seen AS (
    SELECT workload, segment, asker, height, min(ended_ns) AS seen_ns
    FROM answered
    GROUP BY workload, segment, asker, height
),
rising AS (
    SELECT
        workload, segment, asker, seen_ns,
        max(height) OVER (PARTITION BY workload, segment, asker ORDER BY seen_ns) AS told_height
    FROM first_seen
),
gone_back AS (
    SELECT answered.*, told_height, told_height - height AS blocks
    FROM answered
    ASOF JOIN rising
        ON answered.workload = rising.workload
            AND answered.segment = rising.segment
            AND answered.asker = rising.asker
            AND answered.sent_ns > rising.seen_ns
    WHERE told_height > height
),
-- A provider that was ahead of the chain has named a block that nobody else has for a while, also after the fault.
named_ahead AS (
    SELECT request_id, segment, fault_id
    FROM gone_back
    JOIN fault_spans ON started_ns <= sent_ns AND kind = 'ahead_head'
    LEFT JOIN mined_blocks ON number = told_height
    WHERE coalesce(at_ns, never_ns()) > sent_ns
),
explaining AS (
    SELECT request_id, segment, min(fault_id) AS fault_id
    FROM (
        SELECT gone_back.request_id, gone_back.segment, fault_id
        FROM gone_back
        JOIN fault_spans ON started_ns <= gone_back.ended_ns AND until_ns >= sent_ns
        SEMI JOIN (FROM fault_rules WHERE makes_stale) USING (kind)
        UNION ALL
        FROM named_ahead
    )
    GROUP BY request_id, segment
)
SELECT
    request_id, workload, segment, client, method, sent_ns, ended_ns, height, told_height, blocks, fault_id
FROM gone_back
LEFT JOIN explaining USING (request_id, segment)
