-- Did what a node holds grow steadily while the load did not?
--
-- The time of the load after its first tenth (a warm-up) in five equal parts, and the median of the samples in each.
-- What leaks grows in each part; a pool that a fault made larger grows once, one that meets ever higher peaks grows
-- ever slower. A row per node, incarnation and resource.
--
-- node
-- resource       'open_fds', 'tasks' or 'rss_bytes'
-- samples        in the part with the fewest
-- medians        of the five parts; NULL where nothing was sampled
-- steady         whether each is above the one before, by at least an eighth of the whole growth
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
measured AS (
    SELECT
        node, segment, unnest(['open_fds', 'tasks', 'rss_bytes']) AS resource,
        unnest([open_fds, tasks, rss_bytes]) AS value, (at_ns - from_ns) // part_ns AS part
    FROM system_samples, load
    WHERE at_ns >= from_ns AND at_ns < from_ns + 5 * part_ns
),
parts AS (
    SELECT node, segment, resource, part, count(value) AS samples, median(value) AS value
    FROM measured
    GROUP BY ALL
),
arrivals AS (
    -- Apart, so that of a log in the order of time only what lies in these two parts is read.
    SELECT
        (SELECT count(*) FROM requests, load
         WHERE scheduled_ns >= from_ns AND scheduled_ns < from_ns + part_ns) AS first_requests,
        (SELECT count(*) FROM requests, load
         WHERE scheduled_ns >= from_ns + 4 * part_ns AND scheduled_ns < from_ns + 5 * part_ns) AS last_requests
),
-- One sampler may sample several nodes, and a node that was started again begins anew: so by node and segment.
grown AS (
    SELECT
        node, segment, resource, if(count(*) = 5, min(samples), 0) AS samples,
        [max(value) FILTER (part = 0), max(value) FILTER (part = 1), max(value) FILTER (part = 2),
         max(value) FILTER (part = 3), max(value) FILTER (part = 4)] AS medians
    FROM parts
    GROUP BY node, segment, resource
)
SELECT
    node, resource, samples, medians,
    coalesce(
        least(medians[2] - medians[1], medians[3] - medians[2], medians[4] - medians[3], medians[5] - medians[4])
            >= (medians[5] - medians[1]) / 8
        AND medians[5] > medians[1], false
    ) AS steady,
    coalesce(first_requests, 0) AS first_requests,
    coalesce(last_requests, 0) AS last_requests
FROM grown, arrivals
ORDER BY node, resource, segment
