-- While which fault did stale answers come that old heads or other branches may explain?
--
-- Those that no gateway could have avoided (the view `nothing_newer`) are left out.
--
-- fault_id            of a fault that makes answers stale (the view `fault_rules`) and held while the request was
--                     under way, on whichever provider; NULL: none did
-- requests            with a stale answer
-- first_request_id
WITH stale AS (
    SELECT request_id, coalesce(sent_ns, scheduled_ns) AS from_ns, ended_ns
    FROM requests
    ANTI JOIN nothing_newer ON nothing_newer.from_ns <= ended_ns AND to_ns > coalesce(sent_ns, scheduled_ns)
    WHERE answer = 'stale'
),
lagging AS (
    SELECT fault_id, started_ns, coalesce(ended_ns, never_ns()) AS ended_ns
    FROM fault_spans
    SEMI JOIN (FROM fault_rules WHERE makes_stale) USING (kind)
    WHERE started_ns IS NOT NULL
),
explained AS (
    SELECT
        request_id, stale.ended_ns,
        min(fault_id) AS fault_id
    FROM stale
    LEFT JOIN lagging ON started_ns <= stale.ended_ns AND lagging.ended_ns >= from_ns
    GROUP BY ALL
)
SELECT fault_id, count(*) AS requests, arg_min(request_id, (ended_ns, request_id)) AS first_request_id
FROM explained
GROUP BY fault_id
ORDER BY requests DESC, fault_id
