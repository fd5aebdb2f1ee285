-- What did the run measure of all that an SLO can limit?
--
-- Latency counts from the due time over all requests, and one that did not end ok counts as never answered:
-- p95 is the time within which 95 % of all requests were answered, so failing fast does not look fast.
--
-- metric     success_ratio (0..1), p50_latency_ns, p95_latency_ns, p99_latency_ns, max_failover_latency_ns,
--            failovers, breaker_changes, gateway_rss_max_bytes, wrong_answers
-- value      in the metric's unit. NULL with `measured`: never reached (p95_latency_ns when more than 5 % of
--            the requests failed, max_failover_latency_ns when no failover was answered)
-- measured   false when the log cannot tell
CREATE VIEW slo AS
WITH answered AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (outcome = 'ok') AS ok,
        count(*) FILTER (answer = 'wrong') AS wrong,
        count(*) FILTER (answer <> 'none') AS checked,
        -- The largest BIGINT stands for never until the ranks are found.
        list_transform(
            quantile_disc(
                if(outcome = 'ok', ended_ns - scheduled_ns, 9_223_372_036_854_775_807), [0.5, 0.95, 0.99]
            ),
            lambda latency_ns: nullif(latency_ns, 9_223_372_036_854_775_807)
        ) AS latencies_ns
    FROM requests
),
failed_over AS (
    SELECT count(*) AS failovers, max(cost_ns) AS max_cost_ns, bool_or(answered) AS any_answered
    FROM failovers
),
evidence AS (
    SELECT
        EXISTS (FROM gateway_attempts) AS gateway_attempts,
        EXISTS (FROM attempts) AS attempts,
        (SELECT count(*) FROM breaker_changes) AS breaker_changes,
        (SELECT max(rss_bytes) FROM system_samples WHERE node = 'gateway') AS rss_bytes
)
SELECT
    unnest([
        {metric: 'success_ratio', value: ok / nullif(requests, 0), measured: requests > 0},
        {metric: 'p50_latency_ns', value: latencies_ns[1], measured: requests > 0},
        {metric: 'p95_latency_ns', value: latencies_ns[2], measured: requests > 0},
        {metric: 'p99_latency_ns', value: latencies_ns[3], measured: requests > 0},
        {metric: 'max_failover_latency_ns', value: if(any_answered, max_cost_ns, NULL), measured: failovers > 0},
        {metric: 'failovers', value: failovers, measured: gateway_attempts OR attempts},
        {metric: 'breaker_changes', value: breaker_changes,
         measured: gateway_attempts OR breaker_changes > 0},
        {metric: 'gateway_rss_max_bytes', value: rss_bytes, measured: rss_bytes IS NOT NULL},
        {metric: 'wrong_answers', value: wrong, measured: checked > 0}
    ], recursive := true)
FROM answered, failed_over, evidence
