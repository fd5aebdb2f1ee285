-- How many WebSocket connections were opened, closed, and left open?
--
-- No row without: subscriptions
--
-- A connection of a node whose process ended is over, whoever did not write that down. Open in the end: when the load
-- had ended, or at the end of a log without that.
--
-- side           'client', 'gateway' or 'provider': who logged it
-- name           the workload for clients, the provider for the others
-- connected, closed
-- open_early     open when the first fifth of the load was over
-- open_at_end
-- unclosed       of those open at the end, nobody wrote down the end at all, although the log of its node is complete
WITH phases AS (
    SELECT
        coalesce(min(at_ns) FILTER (phase = 'load_began'), 0) AS began_ns,
        coalesce(max(at_ns) FILTER (phase = 'load_ended'), (SELECT max(at_ns) FROM subscriptions)) AS ended_ns
    FROM run_phases
),
lives AS (
    SELECT
        side, name, segment, connection,
        min(at_ns) FILTER (change = 'connected') AS connected_ns,
        max(at_ns) FILTER (change = 'closed') AS closed_ns
    FROM subscriptions
    GROUP BY ALL
    HAVING connected_ns IS NOT NULL
),
ended AS (
    SELECT
        lives.*, segments.closed AS whole,
        (SELECT min(at_ns) FROM actor_lifecycle AS life
         WHERE life.node = segments.node AND life.incarnation = segments.incarnation
             AND life.change IN ('crashed', 'stopped')) AS died_ns
    FROM lives
    LEFT JOIN segments USING (segment)
)
SELECT
    side, name,
    count(*) AS connected,
    count(closed_ns) AS closed,
    count(*) FILTER (connected_ns <= began_ns + (ended_ns - began_ns) // 5
             AND least(closed_ns, died_ns, ended_ns + 1) > began_ns + (ended_ns - began_ns) // 5) AS open_early,
    count(*) FILTER (connected_ns <= ended_ns AND least(closed_ns, died_ns, ended_ns + 1) > ended_ns) AS open_at_end,
    count(*) FILTER (connected_ns <= ended_ns AND closed_ns IS NULL AND coalesce(died_ns > ended_ns, true)
             AND coalesce(whole, false)) AS unclosed
FROM ended, phases
GROUP BY side, name
ORDER BY side, name
