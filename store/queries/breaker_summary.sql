-- How often and for how long was each circuit breaker not closed?
--
-- provider, transport
-- changes        transitions of any kind
-- opened         transitions to open
-- half_opened    transitions to half_open
-- closed         transitions back to closed
-- open_ns        time spent open; a span that did not end lasts to the end of the run
-- half_open_ns   time spent half open, likewise
-- rejections     candidates skipped because of it
-- outages        from leaving closed until coming back to it (the view `breaker_outages`)
-- recovered      of them ended
-- recovery_mean_ns, recovery_max_ns      how long those took; NULL: none ended
-- relapses       of them began again within 5 s of closing: the breaker flapped
-- probes         attempts allowed while half open
-- good_probes    of them succeeded
WITH changes AS (
    SELECT
        provider, transport,
        count(*) AS changes,
        count(*) FILTER (to_state = 'open') AS opened,
        count(*) FILTER (to_state = 'half_open') AS half_opened,
        count(*) FILTER (to_state = 'closed') AS closed
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
recovery AS (
    SELECT
        provider, transport,
        count(*) AS outages,
        count(ended_ns) AS recovered,
        round(avg(duration_ns))::BIGINT AS recovery_mean_ns,
        max(duration_ns) AS recovery_max_ns,
        count(*) FILTER (relapsed) AS relapses,
        sum(probes)::BIGINT AS probes,
        sum(good_probes)::BIGINT AS good_probes
    FROM breaker_outages
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
    coalesce(rejections, 0) AS rejections,
    coalesce(outages, 0) AS outages,
    coalesce(recovered, 0) AS recovered,
    recovery_mean_ns,
    recovery_max_ns,
    coalesce(relapses, 0) AS relapses,
    coalesce(probes, 0) AS probes,
    coalesce(good_probes, 0) AS good_probes
FROM changes
FULL JOIN spent USING (provider, transport)
FULL JOIN recovery USING (provider, transport)
FULL JOIN rejected USING (provider, transport)
ORDER BY provider, transport
