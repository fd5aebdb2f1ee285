-- What did a node hold during the load, sample by sample, and which faults were there?
--
-- A row per process and resource, with all its samples. A node that was started again is another process.
--
-- $node
--
-- resource       'open_fds', 'tasks' or 'rss_bytes'
-- samples        [at_ns, value] in order of time; what a world cannot measure has none
-- faults         structs of started_ns, ended_ns, kind, target, fault_id; one that was never reverted lasts to the end
WITH load AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        max(at_ns) FILTER (phase = 'load_ended') AS ended_ns
    FROM run_phases
),
sampled AS (
    SELECT
        segment, pid, at_ns, unnest(['open_fds', 'tasks', 'rss_bytes']) AS resource,
        unnest([open_fds, tasks, rss_bytes]) AS value
    FROM system_samples, load
    WHERE node = $node::VARCHAR AND at_ns BETWEEN began_ns AND ended_ns
),
acted AS (
    SELECT list({
        'started_ns': spans.started_ns, 'ended_ns': coalesce(spans.ended_ns, load.ended_ns),
        'kind': kind, 'target': target, 'fault_id': fault_id
    }) AS faults
    FROM fault_spans AS spans, load
)
SELECT resource, list([at_ns, value] ORDER BY at_ns) AS samples, any_value(faults) AS faults
FROM sampled, acted
WHERE value IS NOT NULL AND faults IS NOT NULL
GROUP BY segment, pid, resource
ORDER BY min(at_ns), segment, resource
