-- Which requests were refused a connection though the gateway's process lived and had been ready?
--
-- One that was started and is not ready yet does not listen: what it refuses is in the view `gateway_ends`.
-- Around each end of the gateway they say nothing: a process that dies closes its socket before its death is known, and
-- one that is asked to stop stops listening first.
--
-- refused
-- first_ns, last_ns    when the first and the last of them ended (NULL: there is none)
-- ids                  some of them
WITH lives AS (
    SELECT
        at_ns AS up_ns,
        lead(least(asked_ns, at_ns - 1_000_000_000)) OVER (ORDER BY at_ns, incarnation, change != 'started') AS down_ns,
        change
    FROM actor_lifecycle
    WHERE actor = 'gateway' AND node = 'gateway' AND change IN ('started', 'crashed', 'stopped')
)
SELECT
    count(*) AS refused,
    min(ended_ns) AS first_ns,
    max(ended_ns) AS last_ns,
    list(request_id ORDER BY ended_ns, request_id)[:10] AS ids
FROM requests
JOIN lives ON change = 'started'
    AND ended_ns > up_ns
    AND ended_ns < coalesce(down_ns, never_ns())
WHERE failure = 'refused'
