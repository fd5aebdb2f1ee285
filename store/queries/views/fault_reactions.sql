-- What did the gateway do about each fault: whom did failing over cost what, when did it leave the broken provider alone,
-- and when did it trust it again?
--
-- From the gateway's own log, about HTTP; NULL for a gateway that does not report its attempts (the view
-- `gateway_reports`), and of probes for one that does not report its breakers. A first choice is a request's first attempt. A probe is an attempt that a half-open breaker allowed, whoever made it.
--
-- fault_id
-- failovers           requests that went to the target first and needed another attempt, and that began, or waited for the
--                     attempt that answered, while it was broken
-- cost_mean_ns, cost_p50_ns, cost_p99_ns, cost_max_ns      what that cost them (the view `failovers`); NULL: no failover
-- time_to_divert_ns   from the start of the fault to the last first choice of the target in it that was no probe; 0 when
--                     there was none at all. NULL: nobody had chosen it before the fault, or the gateway did not leave
--                     it alone: from the last one to the end of the fault it was less than a second, or than five times
--                     the mean time between two attempts before the fault
-- probes              probes of the target that began while it was broken
-- time_to_readmit_ns  from the end of the fault to the start of the first ok attempt that was no probe. Where the
--                     target's breaker was not closed at the end of the fault, that is after it closed to stay: not to
--                     open again within 5 s. NULL: not seen before the next fault of the target
CREATE VIEW fault_reactions AS
WITH bounded AS MATERIALIZED (
    FROM fault_spans WHERE started_ns IS NOT NULL
),
-- When each outage of a breaker was over for good.
lasting AS MATERIALIZED (
    SELECT
        provider, started_ns,
        min(if(relapsed, NULL, coalesce(ended_ns, never_ns())))
            OVER (PARTITION BY provider ORDER BY started_ns ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS ended_ns
    FROM breaker_outages
    WHERE transport = 'http'
),
healed AS MATERIALIZED (
    SELECT
        fault_id, target, bounded.ended_ns, next_started_ns,
        if(lasting.ended_ns > bounded.ended_ns, lasting.ended_ns, bounded.ended_ns) AS trusted_ns
    FROM bounded
    ASOF LEFT JOIN lasting ON bounded.target = lasting.provider AND bounded.ended_ns >= lasting.started_ns
    WHERE bounded.ended_ns IS NOT NULL
),
half_open AS MATERIALIZED (
    SELECT provider, started_ns, coalesce(ended_ns, until_ns) AS ended_ns
    FROM breaker_windows, (SELECT coalesce(max(until_ns), 0) AS until_ns FROM bounded)
    WHERE state = 'half_open' AND transport = 'http'
),
-- Tenths of a second are fine enough (the view `attempt_cells`), but where something begins or ends single attempts
-- count.
edges AS MATERIALIZED (
    SELECT target AS provider, unnest([started_ns // 100_000_000, until_ns // 100_000_000]) AS cell FROM bounded
    UNION
    SELECT target, trusted_ns // 100_000_000 FROM healed
    UNION
    SELECT provider, unnest(range(started_ns // 100_000_000, ended_ns // 100_000_000 + 1)) FROM half_open
),
single AS MATERIALIZED (
    -- Spans in which one breaker is half open do not overlap: an attempt is in one of them or in none.
    SELECT attempts.provider, cell, attempts.started_ns, attempt, ok, half_open.provider IS NOT NULL AS is_probe
    FROM (
        SELECT provider, cell, started_ns, attempt, outcome = 'ok' AS ok
        FROM (SELECT *, started_ns // 100_000_000 AS cell FROM gateway_attempts)
        SEMI JOIN edges USING (provider, cell)
    ) AS attempts
    LEFT JOIN half_open
        ON attempts.provider = half_open.provider
        AND attempts.started_ns >= half_open.started_ns AND attempts.started_ns < half_open.ended_ns
),
probed AS (
    SELECT fault_id, count(*) AS probes
    FROM bounded
    JOIN single ON provider = target AND single.started_ns >= bounded.started_ns AND single.started_ns < until_ns
    WHERE is_probe
    GROUP BY fault_id
),
choices AS (
    SELECT provider, last_choice_ns AS at_ns
    FROM attempt_cells
    ANTI JOIN edges USING (provider, cell)
    WHERE last_choice_ns IS NOT NULL
    UNION ALL
    SELECT provider, started_ns FROM single WHERE attempt = 1 AND NOT is_probe
),
chosen AS (
    SELECT fault_id, max(at_ns) AS last_ns
    FROM bounded
    JOIN choices ON provider = target AND at_ns >= started_ns AND at_ns < until_ns
    GROUP BY fault_id
),
chosen_before AS (
    SELECT fault_id, sum(attempts) AS attempts
    FROM bounded
    JOIN attempt_cells ON provider = target AND source = 'gateway'
        AND first_started_ns >= before_ns AND first_started_ns < started_ns
    GROUP BY fault_id
),
good AS (
    SELECT provider, first_started_ns AS at_ns
    FROM attempt_cells
    ANTI JOIN edges USING (provider, cell)
    WHERE ok AND source = 'gateway'
    UNION ALL
    SELECT provider, started_ns FROM single WHERE ok AND NOT is_probe
),
readmitted AS (
    SELECT fault_id, if(at_ns < next_started_ns, at_ns - ended_ns, NULL) AS after_ns
    FROM healed
    ASOF JOIN good ON target = provider AND trusted_ns <= at_ns
),
costs AS (
    SELECT providers[1] AS provider, started_ns, started_ns + cost_ns AS over_ns, cost_ns
    FROM failovers
    WHERE source = 'gateway'
),
-- By seconds, so that not every failover meets every fault.
costs_of_faults AS (
    SELECT fault_id, cost_ns
    FROM (SELECT *, unnest(range(second_of(started_ns), second_of(until_ns) + 1)) AS second FROM bounded)
        AS faulty
    JOIN (SELECT *, second_of(started_ns) AS second FROM costs) AS costs
        ON provider = target AND costs.second = faulty.second
        AND costs.started_ns >= faulty.started_ns AND costs.started_ns < until_ns
    UNION ALL
    SELECT fault_id, cost_ns
    FROM (SELECT *, second_of(started_ns) AS second FROM bounded) AS faulty
    JOIN (SELECT *, unnest(range(second_of(started_ns), second_of(over_ns) + 1)) AS second FROM costs)
        AS costs
        ON provider = target AND costs.second = faulty.second
        AND costs.started_ns < faulty.started_ns AND over_ns >= faulty.started_ns
),
failed_over AS (
    SELECT
        fault_id, count(*) AS failovers, avg(cost_ns) AS cost_mean_ns, max(cost_ns) AS cost_max_ns,
        quantile_disc(cost_ns, [0.5, 0.99]) AS cost_ranks
    FROM costs_of_faults
    GROUP BY fault_id
),
reports AS (
    SELECT attempts AS attempts_reported, breakers AS breakers_reported FROM gateway_reports
)
SELECT
    fault_id,
    if(attempts_reported, coalesce(failovers, 0), NULL) AS failovers,
    round(cost_mean_ns)::BIGINT AS cost_mean_ns,
    cost_ranks[1] AS cost_p50_ns,
    cost_ranks[2] AS cost_p99_ns,
    cost_max_ns,
    CASE
        WHEN NOT attempts_reported OR chosen_before.attempts IS NULL THEN NULL
        WHEN last_ns IS NULL THEN 0
        WHEN until_ns - last_ns >= greatest(1_000_000_000, 5 * (started_ns - before_ns) / chosen_before.attempts)
            THEN last_ns - started_ns
    END AS time_to_divert_ns,
    if(attempts_reported AND breakers_reported, coalesce(probes, 0), NULL) AS probes,
    after_ns AS time_to_readmit_ns
FROM fault_spans
CROSS JOIN reports
LEFT JOIN failed_over USING (fault_id)
LEFT JOIN chosen USING (fault_id)
LEFT JOIN chosen_before USING (fault_id)
LEFT JOIN probed USING (fault_id)
LEFT JOIN readmitted USING (fault_id)
