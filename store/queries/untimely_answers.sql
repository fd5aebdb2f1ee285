-- Which answers were about an old head though no fault made any provider's head lag?
--
-- A row per workload that has any. A request counts when its answer was more than $blocks behind, and neither a fault
-- that makes answers stale (the view `fault_rules`) held while it was under way or $settle_ns before, nor faults that
-- together left no provider with anything newer (the view `nothing_newer`). A notification counts when no fault at all
-- held at its arrival or $settle_ns before: what interrupts a stream makes it catch up later.
--
-- $blocks, $settle_ns
-- $limit                   how many of the first ones are listed
--
-- workload
-- requests, notifications
-- under_fault              of the requests were answered by a provider under a fault that changes answers in another way
-- blocks_behind_max        of the requests; NULL: none, or the log does not say
-- first_ids                of requests, then keys of notifications, each in the order of time
WITH held AS (
    SELECT started_ns, coalesce(ended_ns, never_ns() - $settle_ns) AS ended_ns, makes_stale
    FROM fault_spans
    LEFT JOIN fault_rules USING (kind)
    WHERE started_ns IS NOT NULL
    UNION ALL
    SELECT from_ns, least(to_ns, never_ns() - $settle_ns), true FROM nothing_newer
),
old AS (
    SELECT
        workload, request_id AS id, true AS is_request, blocks_behind, ended_ns AS at_ns,
        coalesce(sent_ns, scheduled_ns) AS from_ns
    FROM requests
    WHERE answer = 'stale' AND coalesce(blocks_behind, $blocks + 1) > $blocks
    UNION ALL
    SELECT workload, key, false, NULL, at_ns, at_ns
    FROM notifications
    WHERE answer = 'stale'
),
lied_about AS (
    SELECT DISTINCT request_id
    FROM attempts
    SEMI JOIN (FROM old WHERE is_request) ON attempts.request_id = id
    JOIN fault_spans USING (fault_id)
    SEMI JOIN (FROM fault_rules WHERE changes_answers) USING (kind)
    WHERE replied_ns IS NOT NULL
),
untimely AS (
    FROM old
    ANTI JOIN held ON started_ns <= at_ns AND ended_ns + $settle_ns >= from_ns AND (makes_stale OR NOT is_request)
)
SELECT
    workload,
    count(*) FILTER (is_request) AS requests,
    count(*) FILTER (NOT is_request) AS notifications,
    count(*) FILTER (is_request AND id IN (FROM lied_about)) AS under_fault,
    max(blocks_behind) AS blocks_behind_max,
    arg_min(id, (NOT is_request, at_ns, id), $limit) AS first_ids
FROM untimely
GROUP BY workload
ORDER BY workload
