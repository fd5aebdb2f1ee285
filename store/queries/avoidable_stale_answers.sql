-- Which answers to requests were about an old head while some provider had a newer one to give?
--
-- A row per workload that has any. An answer counts when it was more than $blocks behind, and not while faults left no
-- provider with anything newer (the view `nothing_newer`). Whether a fault explains it is not asked here.
--
-- $blocks
--
-- workload
-- answers
-- first_request_id
SELECT workload, count(*) AS answers, arg_min(request_id, ended_ns) AS first_request_id
FROM requests
WHERE
    answer = 'stale'
    AND coalesce(blocks_behind, $blocks + 1) > $blocks
    AND NOT EXISTS (
        FROM nothing_newer WHERE from_ns <= ended_ns AND to_ns > coalesce(sent_ns, scheduled_ns)
    )
GROUP BY workload
ORDER BY workload
