-- What did the run measure of all that an SLO can limit?
--
-- Latency counts from the due time over all requests, and one that did not succeed counts as longer than any:
-- p95 is the time within which 95 % of all requests were answered, so failing fast does not look fast.
--
-- metric     success_ratio (0..1), p50_latency_ns, p90_latency_ns, p95_latency_ns, p99_latency_ns, p999_latency_ns, max_failover_latency_ns,
--            failovers, breaker_changes, gateway_rss_max_bytes, wrong_answers, stale_answers (but for
--            those of the view `unavoidable_stale`),
--            attempts_per_request (of the worst second with enough requests, else of the whole run), missed_heads,
--            duplicate_heads, head_delay_p99_ns, longest_silence_ns (0 each when no head was due), disconnects,
--            height_regression_max_blocks
-- value      in the metric's unit. NULL with `measured`: never reached (p95_latency_ns when more than 5 % of
--            the requests failed, max_failover_latency_ns when no failover was answered)
-- measured   false when the log cannot show it: of a gateway that does not report its attempts no failover that was seen is
--            no proof that there was none
CREATE VIEW slo AS
WITH answered AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (succeeded(outcome)) AS ok,
        count(*) FILTER (answer = 'wrong') AS wrong_answers,
        count(*) FILTER (answer = 'stale') AS stale_answers,
        count(*) FILTER (answer <> 'none') AS checked_answers,
        latency_percentiles(outcome, scheduled_ns, ended_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS latencies_ns
    FROM requests
),
notified AS (
    SELECT
        count(*) FILTER (answer = 'wrong') + any_value(wrong_answers) AS wrong,
        count(*) FILTER (answer = 'stale') + any_value(stale_answers) AS stale,
        count(*) FILTER (answer <> 'none') + any_value(checked_answers) AS checked
    FROM answered
    LEFT JOIN notifications ON true
),
amplified AS (
    SELECT
        coalesce(max(attempts / requests) FILTER (requests >= 10), sum(attempts) / nullif(sum(sent), 0)) AS ratio,
        coalesce(sum(attempts), 0) AS tried
    FROM attempts_by_second
),
quietness AS (
    SELECT
        NOT EXISTS (FROM requests) AND NOT EXISTS (FROM notifications)
            AND EXISTS (FROM subscriptions WHERE NOT was_due) AND NOT EXISTS (FROM subscriptions WHERE was_due)
            AS nothing_due
),
clients AS (
    SELECT
        coalesce(sum(due + received), 0) > 0 AS any_due,
        any_due OR (count(*) > 0 AND EXISTS (FROM chain_heights)) AS any_heads, sum(missed) AS missed, sum(duplicated) AS duplicated,
        max(longest_silence_ns) AS silence_ns
    FROM head_continuity
),
delays AS (
    SELECT quantile_disc(delay_ns, 0.99) AS p99_ns
    FROM head_arrivals
),
lost AS (
    SELECT
        EXISTS (FROM subscriptions WHERE side = 'client' AND change = 'connected') AS any_connected,
        (SELECT count(*) FROM client_disconnects WHERE made_by <> 'bench') AS disconnects
),
heights AS (
    SELECT count(*) AS answers
    FROM requests
    WHERE height IS NOT NULL AND sent_ns IS NOT NULL AND answer <> 'wrong'
),
regressed AS (
    SELECT coalesce(max(blocks), 0) AS blocks_max FROM height_regressions
),
failed_over AS (
    SELECT count(*) AS failovers, max(cost_ns) AS max_cost_ns, bool_or(answered) AS any_answered
    FROM failovers
),
evidence AS (
    SELECT
        (SELECT attempts FROM gateway_reports) AS reports_attempts,
        (SELECT breakers FROM gateway_reports) AS reports_breakers,
        (SELECT count(*) FROM breaker_changes) AS breaker_changes,
        (SELECT max(rss_bytes) FROM system_samples WHERE node = 'gateway') AS rss_bytes
)
SELECT
    unnest([
        {metric: 'success_ratio', value: ok / nullif(requests, 0), measured: requests > 0},
        {metric: 'p50_latency_ns', value: latencies_ns[1], measured: requests > 0},
        {metric: 'p90_latency_ns', value: latencies_ns[2], measured: requests > 0},
        {metric: 'p95_latency_ns', value: latencies_ns[3], measured: requests > 0},
        {metric: 'p99_latency_ns', value: latencies_ns[4], measured: requests > 0},
        {metric: 'p999_latency_ns', value: latencies_ns[5], measured: requests > 0},
        {metric: 'max_failover_latency_ns', value: if(any_answered, max_cost_ns, NULL), measured: failovers > 0},
        {metric: 'failovers', value: failovers, measured: reports_attempts OR failovers > 0},
        {metric: 'breaker_changes', value: breaker_changes, measured: reports_breakers},
        {metric: 'gateway_rss_max_bytes', value: rss_bytes, measured: rss_bytes IS NOT NULL},
        {metric: 'wrong_answers', value: wrong, measured: checked > 0 OR nothing_due},
        {metric: 'stale_answers', value: stale - (SELECT count(*) FROM unavoidable_stale),
         measured: checked > 0 OR nothing_due},
        {metric: 'attempts_per_request', value: ratio, measured: tried > 0 AND ratio IS NOT NULL},
        {metric: 'missed_heads', value: missed, measured: any_heads},
        {metric: 'duplicate_heads', value: duplicated, measured: any_heads},
        {metric: 'head_delay_p99_ns', value: if(any_heads AND NOT any_due, 0, delays.p99_ns),
         measured: delays.p99_ns IS NOT NULL OR (any_heads AND NOT any_due)},
        {metric: 'longest_silence_ns', value: silence_ns, measured: any_heads},
        {metric: 'disconnects', value: disconnects, measured: any_connected},
        {metric: 'height_regression_max_blocks', value: blocks_max, measured: answers > 0}
    ], recursive := true)
FROM answered, notified, amplified, quietness, clients, delays, lost, heights, regressed, failed_over, evidence
