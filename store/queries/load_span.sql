-- From when to when was there load, and how much is there to draw of it?
--
-- The last request is due a pause before the load's planned end, and its answer comes after it: a load that ended within a
-- second, or a twentieth of its length, before that, or at any time after it, lasted as long as planned.
--
-- from_ns       the start of the load; without one, the first moment a request was due; NULL: there is nothing
-- to_ns         the end of the load; without one, the last moment anything was seen
-- load_ns       how long there was load; without an end of it, until the last request was due; NULL: it never began
-- requests      client requests that ended
-- heads         notifications of heads that clients received
WITH phases AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        max(at_ns) FILTER (phase = 'load_ended') AS over_ns,
        count(*) FILTER (phase IN ('interrupted', 'failed')) > 0 AS cut_off,
        max(at_ns) AS last_ns
    FROM run_phases
),
plan AS (
    SELECT any_value(planned_duration_ns) AS planned_ns FROM run
),
load AS (
    SELECT
        phases.*,
        if(NOT cut_off AND over_ns >= began_ns + planned_ns - greatest(1_000_000_000, planned_ns // 20),
           began_ns + planned_ns, over_ns) AS ended_ns
    FROM phases, plan
),
asked AS (
    SELECT
        count(*) AS requests, min(scheduled_ns) AS first_ns, max(scheduled_ns) AS last_due_ns, max(ended_ns) AS last_ns
    FROM requests
),
heard AS (
    SELECT count(*) AS heads, min(at_ns) AS first_ns, max(at_ns) AS last_ns
    FROM notifications
    WHERE kind = 'newHeads'
)
SELECT
    coalesce(load.began_ns, least(asked.first_ns, heard.first_ns)) AS from_ns,
    coalesce(load.ended_ns, greatest(asked.last_ns, heard.last_ns, load.last_ns)) AS to_ns,
    coalesce(load.ended_ns, last_due_ns, load.began_ns) - load.began_ns AS load_ns,
    requests,
    heads
FROM load, asked, heard
