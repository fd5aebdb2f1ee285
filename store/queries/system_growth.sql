-- Did what a node holds grow steadily while the load did not?
--
-- No row without: system_samples
--
-- The time of the load after its first tenth (a warm-up) in five equal parts, and the mean of the samples in each.
-- What leaks grows from each part to the next, also when it does so a step at a time, which a median would miss; a pool
-- that a fault made larger grows once, one that meets ever higher peaks grows ever slower. A row per node, incarnation
-- and resource.
--
-- A pool also grows a step at each change that it meets for the first time: the first time that a fails, then b, then
-- both. The first time that the faults in force change from these to those, what grows in the next $step_ns by more than
-- at other times is a step, and `settled` goes without it. What leaks grows again when the same change comes again, or
-- between the changes.
--
-- $step_ns       how long a change may go on to show
--
-- node
-- resource       'open_fds', 'tasks' or 'rss_bytes'
-- samples        in the part with the fewest
-- means          of the five parts; NULL where nothing was sampled
-- settled        the same, without the steps
-- steps_ratio    share of the samples that lie in a step
-- first_requests, last_requests      requests due in the first and in the last part, of all workloads
WITH phases AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        max(at_ns) FILTER (phase = 'load_ended') AS ended_ns
    FROM run_phases
),
load AS (
    SELECT
        began_ns + (ended_ns - began_ns) // 10 AS from_ns,
        greatest((ended_ns - began_ns - (ended_ns - began_ns) // 10) // 5, 1) AS part_ns
    FROM phases
    WHERE ended_ns > began_ns
),
acted AS (
    SELECT concat_ws(' ', kind, target, parameters) AS fault, started_ns, ended_ns
    FROM fault_spans
    JOIN (SELECT fault_id, any_value(parameters)::VARCHAR AS parameters FROM faults GROUP BY fault_id) USING (fault_id)
    WHERE started_ns IS NOT NULL
),
in_force AS (
    SELECT moments.at_ns, list_sort(list(fault) FILTER (fault IS NOT NULL)) AS held
    FROM (SELECT started_ns AS at_ns FROM acted UNION SELECT ended_ns FROM acted WHERE ended_ns IS NOT NULL) AS moments
    LEFT JOIN acted ON started_ns <= moments.at_ns AND coalesce(acted.ended_ns > moments.at_ns, true)
    GROUP BY moments.at_ns
),
changes AS (
    SELECT at_ns, held, lag(held) OVER (ORDER BY at_ns) AS held_before FROM in_force
),
news AS (
    SELECT min(at_ns) AS from_ns, from_ns + $step_ns AS to_ns FROM changes GROUP BY held_before, held
),
sampled AS (
    SELECT
        node, concat(segment, ' ', pid) AS process, unnest(['open_fds', 'tasks', 'rss_bytes']) AS resource,
        unnest([open_fds, tasks, rss_bytes]) AS value, (at_ns - load.from_ns) // part_ns AS part, at_ns,
        coalesce(lag(at_ns) OVER (PARTITION BY node, segment, pid ORDER BY at_ns), at_ns) AS since_ns
    FROM system_samples, load
    WHERE at_ns >= load.from_ns AND at_ns < load.from_ns + 5 * part_ns
),
-- What a value grew by since the sample before it, and whether that was within a step.
grew AS (
    SELECT
        sampled.*, coalesce(value - lag(value) OVER of_node, 0) AS growth,
        EXISTS (FROM news WHERE news.from_ns < at_ns AND news.to_ns > since_ns) AS stepped
    FROM sampled
    WINDOW of_node AS (PARTITION BY node, process, resource ORDER BY at_ns)
),
-- Neighbours in one step have the same number of samples outside of steps before them.
stretches AS (
    SELECT
        grew.*, count(*) FILTER (NOT stepped) OVER of_node AS stretch,
        greatest(sum(growth) FILTER (NOT stepped) OVER whole
                 / nullif(sum(at_ns - since_ns) FILTER (NOT stepped) OVER whole, 0), 0) AS growth_per_ns
    FROM grew
    WINDOW of_node AS (PARTITION BY node, process, resource ORDER BY at_ns), whole AS (PARTITION BY node, process, resource)
),
steps AS (
    SELECT
        node, process, resource, min(at_ns) AS at_ns,
        greatest(sum(growth) - sum(at_ns - since_ns) * coalesce(any_value(growth_per_ns), 0), 0) AS step
    FROM stretches
    WHERE stepped
    GROUP BY node, process, resource, stretch
),
measured AS (
    SELECT
        grew.*,
        value - coalesce(sum(step) OVER (PARTITION BY node, process, resource ORDER BY at_ns), 0) AS settled
    FROM grew
    LEFT JOIN steps USING (node, process, resource, at_ns)
),
parts AS (
    SELECT
        node, process, resource, part, count(value) AS samples, avg(value) AS value, avg(settled) AS settled,
        count(*) FILTER (stepped) AS stepped, count(*) AS measured
    FROM measured
    GROUP BY node, process, resource, part
),
arrivals AS (
    -- Apart, so that of a log in the order of time only what lies in these two parts is read.
    SELECT
        (SELECT count(*) FROM requests, load
         WHERE scheduled_ns >= from_ns AND scheduled_ns < from_ns + part_ns) AS first_requests,
        (SELECT count(*) FROM requests, load
         WHERE scheduled_ns >= from_ns + 4 * part_ns AND scheduled_ns < from_ns + 5 * part_ns) AS last_requests
),
-- One sampler may sample several nodes, and a node that was started again starts at zero: so by its process.
grown AS (
    SELECT
        node, process, resource, if(count(*) = 5, min(samples), 0) AS samples,
        [max(value) FILTER (part = 0), max(value) FILTER (part = 1), max(value) FILTER (part = 2),
         max(value) FILTER (part = 3), max(value) FILTER (part = 4)] AS means,
        [max(settled) FILTER (part = 0), max(settled) FILTER (part = 1), max(settled) FILTER (part = 2),
         max(settled) FILTER (part = 3), max(settled) FILTER (part = 4)] AS settled,
        sum(stepped) / sum(measured) AS steps_ratio
    FROM parts
    GROUP BY node, process, resource
)
SELECT
    node, resource, samples, means, settled, steps_ratio,
    coalesce(first_requests, 0) AS first_requests,
    coalesce(last_requests, 0) AS last_requests
FROM grown, arrivals
ORDER BY node, resource, process
