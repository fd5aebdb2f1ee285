-- From when to when do the charts of a run go, and how much is there to draw?
--
-- from_ns       the begin of the load; without one, the first moment a request was due; NULL: there is nothing
-- to_ns         the end of the load; without one, the last moment anything was seen
-- requests      client requests that ended
-- heads         notifications of heads that clients received
WITH phases AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        min(at_ns) FILTER (phase = 'load_ended') AS ended_ns,
        max(at_ns) AS last_ns
    FROM run_phases
),
asked AS (
    SELECT count(*) AS requests, min(scheduled_ns) AS first_ns, max(ended_ns) AS last_ns FROM requests
),
heard AS (
    SELECT count(*) AS heads, min(at_ns) AS first_ns, max(at_ns) AS last_ns
    FROM notifications
    WHERE kind = 'newHeads'
)
SELECT
    coalesce(phases.began_ns, least(asked.first_ns, heard.first_ns)) AS from_ns,
    coalesce(phases.ended_ns, greatest(asked.last_ns, heard.last_ns, phases.last_ns)) AS to_ns,
    requests,
    heads
FROM phases, asked, heard
