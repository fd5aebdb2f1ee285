-- How often and for how long was each circuit breaker not closed?
--
-- provider, transport
-- changes        transitions of any kind
-- opened         transitions to open
-- half_opened    transitions to half_open
-- closed         transitions back to closed
-- open_ns        time spent open; a span that did not end lasts to the end of the run
-- half_open_ns   time spent half open, likewise
-- rejections     candidates passed over because of it
WITH changes AS (
    SELECT
        provider, transport,
        count(*) AS changes,
        count_if(to_state = 'open') AS opened,
        count_if(to_state = 'half_open') AS half_opened,
        count_if(to_state = 'closed') AS closed
    FROM breaker_changes
    GROUP BY provider, transport
),
log_end AS (
    SELECT greatest((SELECT max(at_ns) FROM run_phases), (SELECT max(ended_ns) FROM requests),
                    (SELECT max(at_ns) FROM breaker_changes)) AS at_ns
),
spent AS (
    SELECT
        provider, transport,
        sum(coalesce(ended_ns, at_ns) - started_ns) FILTER (state = 'open') AS open_ns,
        sum(coalesce(ended_ns, at_ns) - started_ns) FILTER (state = 'half_open') AS half_open_ns
    FROM breaker_windows, log_end
    GROUP BY provider, transport
),
rejected AS (
    SELECT provider, transport, count(*) AS rejections FROM breaker_rejections GROUP BY provider, transport
)
SELECT
    provider, transport,
    coalesce(changes, 0) AS changes,
    coalesce(opened, 0) AS opened,
    coalesce(half_opened, 0) AS half_opened,
    coalesce(closed, 0) AS closed,
    coalesce(open_ns, 0)::BIGINT AS open_ns,
    coalesce(half_open_ns, 0)::BIGINT AS half_open_ns,
    coalesce(rejections, 0) AS rejections
FROM changes
FULL JOIN spent USING (provider, transport)
FULL JOIN rejected USING (provider, transport)
ORDER BY provider, transport
