-- How often did the gateway's streams lose their upstream, and how long did it take them to find another?
--
-- No row without: subscriptions
--
-- A row per fault and kind of subscription. A loss belongs to the latest fault that had begun by then at the provider
-- that was lost.
--
-- fault_id         NULL: no fault had begun there
-- kind             of the subscription
-- failovers        losses (the view `stream_failovers`)
-- stale            of them the gateway abandoned on its own; the others were closed
-- resumed          of them came back
-- elsewhere        of these at another provider
-- detect_max_ns    from the start of the fault to the loss; NULL without a fault
-- took_mean_ns, took_p50_ns, took_p99_ns, took_max_ns      from the loss until it stood again; NULL: none came back
WITH begun AS (
    SELECT fault_id, target, started_ns FROM fault_spans WHERE started_ns IS NOT NULL
)
SELECT
    fault_id, kind,
    count(*) AS failovers,
    count(*) FILTER (change = 'stale') AS stale,
    count(resumed_ns) AS resumed,
    count(*) FILTER (to_provider <> from_provider) AS elsewhere,
    max(lost_ns - begun.started_ns) AS detect_max_ns,
    round(avg(took_ns))::BIGINT AS took_mean_ns,
    quantile_disc(took_ns, 0.5) AS took_p50_ns,
    quantile_disc(took_ns, 0.99) AS took_p99_ns,
    max(took_ns) AS took_max_ns
FROM stream_failovers
ASOF LEFT JOIN begun ON from_provider = begun.target AND lost_ns >= begun.started_ns
GROUP BY fault_id, kind
ORDER BY min(lost_ns), fault_id, kind
