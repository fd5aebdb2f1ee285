-- How long after its block came about on the chain did each head reach a client?
--
-- A row per head that came for the first time on a subscription, and whose block came about while that stood. The delay
-- holds everything between the chain and the client: what providers add (a lag, a fault) as well as the gateway. A
-- head that the gateway fetched over HTTP, because no provider had published it to it, has a delay like any other.
--
-- On the scenario's chain a block comes about when the chain's clock says so, see the view `chain_heights`. One that
-- takes the place of another of its height comes about with its branch: when a reorg began or ended, or when some
-- provider first published it, whichever was last before it came. Where the chain's clock is not known, because a
-- provider is a real one, a head comes about when some provider first published it. Wrong heads are left out.
--
-- segment, workload, connection, subscription      see the view `head_subscriptions`
-- at_ns            when it came
-- number, hash
-- produced_ns      when its block came about
-- delay_ns         from then to its arrival
CREATE VIEW head_arrivals AS
WITH came AS MATERIALIZED (
    SELECT segment, connection, subscription, at_ns, number, key, row_number() OVER () AS turn
    FROM notifications
    WHERE kind = 'newHeads' AND answer <> 'wrong' AND number IS NOT NULL
),
-- Nearly every height comes once: only the others need to be looked at.
several AS (
    SELECT segment, connection, subscription, number
    FROM came
    GROUP BY segment, connection, subscription, number
    HAVING count(*) > 1
),
again AS (
    SELECT
        segment, connection, subscription, turn,
        row_number() OVER (PARTITION BY segment, connection, subscription, number ORDER BY turn) > 1 AS replaces,
        row_number() OVER (PARTITION BY segment, connection, subscription, number, key ORDER BY turn) > 1 AS repeats
    FROM came
    SEMI JOIN several USING (segment, connection, subscription, number)
),
turns AS (
    SELECT at_ns AS branched_ns FROM faults WHERE kind = 'reorg' AND phase IN ('applied', 'reverted')
),
dated AS (
    SELECT
        came.segment, clients.workload, came.connection, came.subscription, came.at_ns, came.number, key AS hash, started_ns,
        CASE
            WHEN mined_blocks.at_ns IS NULL THEN first_ns
            WHEN replaces THEN greatest(
                mined_blocks.at_ns, branched_ns, if(first_ns <= came.at_ns, first_ns, NULL)
            )
            -- A provider that is ahead of the chain publishes a block before its time.
            ELSE if(came.at_ns < mined_blocks.at_ns, first_ns, mined_blocks.at_ns)
        END AS produced_ns
    FROM came
    JOIN head_subscriptions AS clients USING (segment, connection, subscription)
    LEFT JOIN again USING (segment, connection, subscription, turn)
    ASOF LEFT JOIN turns ON came.at_ns >= branched_ns
    LEFT JOIN published_heads ON key = published_heads.hash
    LEFT JOIN mined_blocks ON came.number = mined_blocks.number
    WHERE repeats IS DISTINCT FROM true
)
SELECT
    segment, workload, connection, subscription, at_ns, number, hash, produced_ns, at_ns - produced_ns AS delay_ns
FROM dated
WHERE produced_ns >= started_ns
