-- When were the phases that the scenario names, and did the load last until then?
--
-- A phase counts from the start of the load; one that begins with it begins with the run, so that nothing is lost.
--
-- name
-- started_ns, ended_ns      NULL: the load never began
-- load_ended_ns             NULL: the log does not say that it ended
WITH load AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        min(at_ns) FILTER (phase = 'load_ended') AS ended_ns
    FROM run_phases
),
planned AS (
    SELECT unnest(json_extract(document, '$.scenario.phases[*]')) AS phase FROM run
)
SELECT
    phase ->> 'name' AS name,
    if((phase ->> 'at')::BIGINT = 0 AND began_ns IS NOT NULL, 0, began_ns + (phase ->> 'at')::BIGINT)
        AS started_ns,
    began_ns + (phase ->> 'at')::BIGINT + (phase ->> 'duration')::BIGINT AS ended_ns,
    load.ended_ns AS load_ended_ns
FROM planned, load
ORDER BY started_ns, name
