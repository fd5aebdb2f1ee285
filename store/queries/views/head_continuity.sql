-- What did each client subscription to heads get of what it should have got?
--
-- Due to it is every height that some provider could give from when the subscription stood until it ended (the view
-- `chain_heights`), and what is between. What came about in the last second before its end may still have been
-- under way, and is not due. When its connection was interrupted, what came about until the client had another
-- subscription is due, too.
--
-- segment, workload, connection, subscription      see the view `head_subscriptions`
-- started_ns, ended_ns, interrupted                likewise
-- first_due, last_due    heights; last_due is below first_due when nothing was due
-- due                    how many heights that are
-- received               heads, however often
-- missed                 heights due of which no head came
-- duplicated             heads that came again, with no other head of their height between
-- out_of_order           heads that came after a higher one, although nothing of their height had come before
-- went_back              heads lower than the one before them that were no reorg: duplicated or out of order
-- reorged                heads of a height of which another head had come before
-- parent_breaks          heads whose parent never came; the first one, and what is below it, do not count
-- longest_silence_ns     the longest time without any head although there was one to get, a block time included: from
--                        the head before (or the start), but at most one block time before the first head that was
--                        then due, to the next head (or the end). While nothing was due there is no silence. Where
--                        nothing is known of the chain, any time without a head counts
-- delay_max_ns           from a block's time on the chain to the arrival of its head (the view `head_arrivals`); NULL:
--                        nothing to compare
-- blocks_behind_max      heights there were that had not come, at the worst moment before a head came, this one not
--                        counted
CREATE VIEW head_continuity AS
WITH clients AS MATERIALIZED (
    SELECT
        row_number() OVER (ORDER BY segment, connection, subscription) AS client, *,
        CASE WHEN interrupted THEN coalesce(resumed_ns, due_end_ns) ELSE coalesce(ended_ns, due_end_ns) END
            AS over_ns,
        -- What comes a second late counts as missed only when the client went on for longer than that.
        if(resumed_ns IS NULL, over_ns - 1_000_000_000, over_ns) AS due_until_ns
    FROM head_subscriptions
),
tops AS MATERIALIZED (
    -- One row per moment: after an outage several heights can be had at once.
    SELECT first_ns, max(max(number)) OVER (ORDER BY first_ns) AS height, min(number) AS lowest
    FROM chain_heights
    GROUP BY first_ns
),
pace AS (
    SELECT any_value((document ->> '$.scenario.chain.block_time')::BIGINT) AS block_ns FROM run
),
onward AS MATERIALIZED (
    -- From when on a head of this height or a higher one could be had.
    SELECT number, min(first_ns) OVER (ORDER BY number DESC) AS from_ns FROM chain_heights
),
ranges AS MATERIALIZED (
    SELECT
        clients.*,
        coalesce(before.height + 1, lowest.height) AS first_due,
        coalesce(until.height, first_due - 1) AS last_due
    FROM clients
    CROSS JOIN (SELECT min(lowest) AS height FROM tops) AS lowest
    ASOF LEFT JOIN tops AS before ON clients.started_ns > before.first_ns
    ASOF LEFT JOIN tops AS until ON clients.due_until_ns > until.first_ns
),
came AS (
    -- A client writes down what it gets in the order in which it comes, also what comes in one piece. Comparing
    -- numbers instead of 66 characters takes a third of the time.
    SELECT
        segment, connection, subscription, at_ns, number, hash(key) AS key, hash(parent_hash) AS parent,
        row_number() OVER () AS turn
    FROM notifications
    WHERE kind = 'newHeads'
),
arrivals AS MATERIALIZED (
    SELECT
        client, started_ns, first_due, last_due, at_ns, came.number, key, parent, turn,
        lag(at_ns, 1, started_ns) OVER in_order AS since_ns,
        lag(came.number) OVER in_order AS previous,
        lag(key) OVER in_order AS previous_key
    FROM came
    JOIN ranges USING (segment, connection, subscription)
    WINDOW in_order AS (PARTITION BY client ORDER BY turn)
),
firsts AS (
    SELECT client, number AS first_number FROM arrivals WHERE previous IS NULL
),
-- Most clients only see heads go up: then the highest before is the one before.
unsteady AS (
    SELECT DISTINCT client FROM arrivals WHERE number <= previous
),
ordered AS MATERIALIZED (
    SELECT *, previous AS highest, false AS may_repeat FROM arrivals ANTI JOIN unsteady USING (client)
    UNION ALL
    SELECT
        *, max(number) OVER (PARTITION BY client ORDER BY turn ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        true
    FROM arrivals
    SEMI JOIN unsteady USING (client)
),
several AS (
    SELECT client, number FROM ordered WHERE may_repeat GROUP BY client, number HAVING count(*) > 1
),
again AS (
    SELECT
        client, turn, key,
        lag(key) OVER (PARTITION BY client, number ORDER BY turn) AS key_before
    FROM ordered
    SEMI JOIN several USING (client, number)
),
-- Nearly every head follows the one before it: only the others need to be looked at.
odd AS (
    SELECT
        client,
        count(*) FILTER (again.key = key_before) AS duplicated,
        count(*) FILTER (again.key <> key_before) AS reorged,
        count(*) FILTER (key_before IS NULL AND ordered.number < highest AND ordered.number > first_number) AS out_of_order,
        count(*) FILTER (ordered.number < previous AND (
            again.key = key_before OR (key_before IS NULL AND ordered.number > first_number)
        )) AS went_back
    FROM ordered
    JOIN firsts USING (client)
    LEFT JOIN again USING (client, turn)
    WHERE may_repeat AND ordered.number <= highest
    GROUP BY client
),
orphans AS (
    SELECT client, count(*) AS parent_breaks
    FROM (
        SELECT client, parent AS key
        FROM ordered
        JOIN firsts USING (client)
        WHERE number > first_number AND parent IS DISTINCT FROM previous_key AND parent <> hash(NULL::VARCHAR)
    )
    ANTI JOIN ordered USING (client, key)
    GROUP BY client
),
behind AS (
    SELECT client, max(height - coalesce(highest, first_due - 1) - 1) AS blocks
    FROM ordered
    ASOF JOIN tops ON ordered.at_ns >= tops.first_ns
    GROUP BY client
),
summed AS (
    SELECT
        client,
        count(*) AS received,
        count(DISTINCT if(ordered.number BETWEEN first_due AND last_due, ordered.number, NULL)) AS delivered,
        max(at_ns) AS last_ns,
        max(highest_now) AS highest_now
    FROM (SELECT *, greatest(highest, number) AS highest_now FROM ordered) AS ordered
    GROUP BY client
),
waits AS (
    SELECT client, coalesce(highest, first_due - 1) AS highest, since_ns, at_ns AS until_ns FROM ordered
    UNION ALL
    SELECT client, coalesce(highest_now, first_due - 1), coalesce(last_ns, started_ns), over_ns
    FROM ranges
    LEFT JOIN summed USING (client)
),
silences AS (
    SELECT
        client,
        max(CASE
            WHEN NOT EXISTS (FROM onward) THEN until_ns - since_ns
            WHEN from_ns < until_ns THEN until_ns - greatest(since_ns, from_ns - block_ns)
        END) AS silence_ns
    FROM waits
    CROSS JOIN pace
    ASOF LEFT JOIN onward ON waits.highest < onward.number
    GROUP BY client
),
delays AS (
    SELECT segment, connection, subscription, max(delay_ns) AS delay_max_ns
    FROM head_arrivals
    GROUP BY segment, connection, subscription
)
SELECT
    segment, workload, connection, subscription, started_ns, ended_ns, interrupted, first_due, last_due,
    greatest(last_due - first_due + 1, 0) AS due,
    coalesce(received, 0) AS received,
    greatest(last_due - first_due + 1, 0) - coalesce(delivered, 0) AS missed,
    coalesce(duplicated, 0) AS duplicated,
    coalesce(out_of_order, 0) AS out_of_order,
    coalesce(went_back, 0) AS went_back,
    coalesce(reorged, 0) AS reorged,
    coalesce(parent_breaks, 0) AS parent_breaks,
    greatest(silence_ns, 0) AS longest_silence_ns,
    delay_max_ns,
    greatest(coalesce(blocks, 0), 0) AS blocks_behind_max
FROM ranges
LEFT JOIN summed USING (client)
LEFT JOIN odd USING (client)
LEFT JOIN orphans USING (client)
LEFT JOIN behind USING (client)
LEFT JOIN silences USING (client)
LEFT JOIN delays USING (segment, connection, subscription)
