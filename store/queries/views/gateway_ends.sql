-- When did the gateway's process end in the run, and what became of the requests in flight at that moment?
--
-- A row per end that was not the run's: a fault asked it to stop or killed it, or it crashed. An incarnation that
-- never was ready has none: it had no requests.
--
-- incarnation
-- how                'stopped' (asked), 'killed' (by a fault, with SIGKILL) or 'crashed' (nobody asked)
-- fault_id           the fault that did it; NULL: crashed
-- begun_ns           when it was asked, or killed; of a crash, when clients lost the first connection, at most 1 s before
--                    it was noticed
-- gone_ns            when its process had ended
-- forced             whether it had to be ended by SIGKILL, because it did not end in time after it was asked
-- restarted_ns       from when on it could be started again: its process had ended, and no fault kept it down any more; NULL: a
--                    fault did to the end
-- back_ns            when the next incarnation was ready; NULL: none was
-- next_failure       how the first start after it failed; NULL: it did not fail
-- in_flight          requests under way at any moment from begun_ns to gone_ns
-- dropped            of them, those that got no answer
-- refused            requests that were refused a connection from begun_ns until it was back
-- refused_starting   of them, those after restarted_ns: it was starting, and not ready yet
-- connections_cut    WebSocket connections of clients that they lost from begun_ns to 0.1 s after gone_ns
-- cut_without_close  of them, those without a closing frame
-- reason             of the end, as the log has it
CREATE VIEW gateway_ends AS
WITH lives AS (
    SELECT
        incarnation,
        min(at_ns) FILTER (change = 'started') AS up_ns,
        max(at_ns) FILTER (change = 'crashed') AS gone_ns,
        max(reason) FILTER (change = 'crashed') AS reason,
        max(asked_ns) FILTER (change = 'crashed') AS asked_ns,
        coalesce(bool_or(forced) FILTER (change = 'crashed'), false) AS forced
    FROM actor_lifecycle
    WHERE actor = 'gateway' AND node = 'gateway' AND change IN ('started', 'crashed')
    GROUP BY incarnation
),
ended AS MATERIALIZED (
    SELECT
        lives.*,
        nullif(regexp_extract(reason, '\(fault ([^)]+)\)', 1), '') AS fault_id,
        (SELECT min(up_ns) FROM lives AS later WHERE later.incarnation > lives.incarnation) AS back_ns,
        (SELECT arg_min(reason, incarnation) FROM lives AS later
         WHERE later.incarnation > lives.incarnation AND later.up_ns IS NULL
            AND NOT EXISTS (
                FROM lives AS between_them
                WHERE between_them.incarnation > lives.incarnation
                    AND between_them.incarnation < later.incarnation AND between_them.up_ns IS NOT NULL
            )) AS next_failure
    FROM lives
    WHERE up_ns IS NOT NULL AND gone_ns IS NOT NULL
),
-- The first connection that was lost with a process which crashed.
lost AS (
    SELECT incarnation, min(requests.ended_ns) AS first_ns
    FROM ended
    JOIN requests ON ended_ns BETWEEN gone_ns - 1_000_000_000 AND gone_ns AND failure IN ('closed', 'reset')
    WHERE fault_id IS NULL
    GROUP BY incarnation
),
holds AS (
    SELECT fault_id, started_ns, ended_ns
    FROM fault_spans
    SEMI JOIN (FROM fault_rules WHERE list_contains(signs, 'kept_down')) USING (kind)
    WHERE target = 'gateway' AND started_ns IS NOT NULL AND failure IS NULL
),
begun AS MATERIALIZED (
    SELECT
        ended.*,
        -- A fault that ends it more than once has begun long before the second time.
        coalesce(asked_ns, if(fault_id IS NULL, lost.first_ns, greatest(started_ns, up_ns)), gone_ns) AS begun_ns,
        -- Another fault may keep down what this one has ended.
        nullif(greatest(gone_ns, (
            SELECT max(coalesce(holds.ended_ns, never_ns()))
            FROM holds
            WHERE holds.started_ns <= greatest(gone_ns, fault_spans.ended_ns)
                AND coalesce(holds.ended_ns, never_ns()) > gone_ns
        )), never_ns()) AS restarted_ns
    FROM ended
    LEFT JOIN fault_spans USING (fault_id)
    LEFT JOIN lost ON lost.incarnation = ended.incarnation
),
-- Of millions of requests few are of interest.
near AS MATERIALIZED (
    SELECT
        coalesce(sent_ns, scheduled_ns) AS sent_ns, ended_ns, failure,
        sent_ns IS NOT NULL AND failure IS DISTINCT FROM 'interrupted' AS was_sent,
        was_sent AND NOT succeeded(outcome) AND http_status IS NULL AND rpc_code IS NULL AS unanswered
    FROM requests
    WHERE ended_ns >= (SELECT min(begun_ns) FROM begun)
        AND scheduled_ns < (SELECT max(coalesce(back_ns, never_ns())) FROM begun)
),
counted AS (
    SELECT
        incarnation,
        count(*) FILTER (was_sent AND sent_ns <= gone_ns) AS in_flight,
        count(*) FILTER (unanswered AND sent_ns <= gone_ns) AS dropped,
        count(*) FILTER (failure = 'refused') AS refused,
        count(*) FILTER (failure = 'refused' AND near.ended_ns > restarted_ns) AS refused_starting
    FROM begun
    JOIN near ON near.ended_ns >= begun_ns AND near.sent_ns <= coalesce(back_ns, never_ns())
    GROUP BY incarnation
),
cut AS (
    SELECT
        begun.incarnation, count(*) AS connections_cut, count(*) FILTER (close_code = 1006) AS cut_without_close
    FROM begun
    JOIN subscriptions ON at_ns BETWEEN begun_ns AND gone_ns + 100_000_000
    WHERE side = 'client' AND change = 'closed' AND closed_by IS DISTINCT FROM 'us'
    GROUP BY begun.incarnation
)
SELECT
    incarnation,
    CASE WHEN asked_ns IS NOT NULL THEN 'stopped' WHEN fault_id IS NOT NULL THEN 'killed' ELSE 'crashed' END AS how,
    fault_id, begun_ns, gone_ns, forced, restarted_ns, back_ns, next_failure,
    coalesce(in_flight, 0) AS in_flight,
    coalesce(dropped, 0) AS dropped,
    coalesce(refused, 0) AS refused,
    coalesce(refused_starting, 0) AS refused_starting,
    coalesce(connections_cut, 0) AS connections_cut,
    coalesce(cut_without_close, 0) AS cut_without_close,
    reason
FROM begun
LEFT JOIN counted USING (incarnation)
LEFT JOIN cut USING (incarnation)
