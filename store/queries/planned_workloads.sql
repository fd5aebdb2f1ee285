-- Which workloads has the scenario, as `run.json` says it?
--
-- workload      NULL: it has no name
-- type
-- subscriptions      of all its clients together; NULL: it is not that kind of load
SELECT workload ->> 'name' AS workload, workload ->> 'type' AS type,
    (workload ->> 'connections')::BIGINT * (workload ->> 'subscriptions')::BIGINT AS subscriptions
FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
