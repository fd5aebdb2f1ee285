-- Which WebSocket connections did clients lose, and who cut them?
--
-- A row per connection that ended before its workload's time was over. What ends with an interrupted run is no loss.
--
-- segment, workload, connection
-- at_ns            when it ended
-- close_code       of the closing frame; 1006: there was none
-- detail           the closing frame's reason, or what happened
-- made_by          'gateway': it, or something before it, closed or reset the connection; 'client': Battle's client did,
--                  because its ping was not answered, a subscription was not, or what came was no WebSocket; 'bench': a
--                  fault on the gateway, or between it and this client, was in force, or ended less than a second before
--                  (`until_ns` of the view `fault_spans`)
-- fault_id         that fault; NULL: none
CREATE VIEW client_disconnects AS
WITH phases AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        min(at_ns) FILTER (phase IN ('load_ended', 'interrupted', 'failed')) AS ended_ns
    FROM run_phases
),
lengths AS (
    SELECT workload ->> 'name' AS workload, try_cast(workload ->> 'duration' AS BIGINT) AS duration_ns
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
),
cuts AS (
    SELECT segment, name AS workload, connection, at_ns, close_code, detail, closed_by
    FROM subscriptions
    CROSS JOIN phases
    LEFT JOIN lengths ON name = lengths.workload
    WHERE side = 'client' AND change = 'closed' AND detail IS DISTINCT FROM 'interrupted'
        -- The begin of the load is logged a little after it.
        AND at_ns < coalesce(least(began_ns + duration_ns, ended_ns), never_ns()) - 100_000_000
),
before_the_gateway AS (
    SELECT
        fault_id, any_value(parameters ->> '$.peer') AS peer,
        any_value(started_ns) AS from_ns,
        any_value(if(ended_ns IS NULL, never_ns(), until_ns + 1_000_000_000)) AS to_ns
    FROM faults
    JOIN fault_spans USING (fault_id)
    WHERE faults.target = 'gateway'
    GROUP BY fault_id
),
meant AS (
    SELECT segment, connection, at_ns, min(fault_id) AS fault_id
    FROM cuts
    JOIN before_the_gateway ON at_ns >= from_ns AND at_ns < to_ns AND coalesce(peer, 'load') IN ('load', workload)
    GROUP BY segment, connection, at_ns
)
SELECT
    segment, workload, connection, at_ns, close_code, detail,
    CASE WHEN fault_id IS NOT NULL THEN 'bench' WHEN closed_by = 'us' THEN 'client' ELSE 'gateway' END AS made_by,
    fault_id
FROM cuts
LEFT JOIN meant USING (segment, connection, at_ns)
