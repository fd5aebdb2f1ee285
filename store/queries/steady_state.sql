-- How did the requests of each workload fare that were due in a span of time?
--
-- Percentiles are exact, and over all these requests, from the due time; one that did not succeed counts as never
-- answered.
--
-- $start_ns, $end_ns      the span: from its start until before its end
-- $late_ns                only those sent at most so late, or that the gateway turned away; NULL: all
-- $limit                  how many of the worst requests are listed at most
--
-- workload
-- requests
-- sent_ratio              of them were sent, or turned away by the gateway
-- success_ratio
-- p95_latency_ns          NULL: never
-- late_p99_ns             how late they were sent; NULL: none was
-- worst                   the ids of the requests that took longest, those that did not succeed first
SELECT
    workload,
    count(*) AS requests,
    count(*) FILTER (sent_ns IS NOT NULL OR turned_away(failure)) / count(*) AS sent_ratio,
    count(*) FILTER (succeeded(outcome)) / count(*) AS success_ratio,
    latency_percentile(outcome, scheduled_ns, ended_ns, 0.95) AS p95_latency_ns,
    quantile_disc(sent_ns - scheduled_ns, 0.99) AS late_p99_ns,
    arg_max(request_id, (NOT succeeded(outcome), ended_ns - scheduled_ns, request_id), $limit) AS worst
FROM requests
WHERE scheduled_ns >= $start_ns::BIGINT AND scheduled_ns < $end_ns::BIGINT
    AND ($late_ns::BIGINT IS NULL OR sent_ns - scheduled_ns <= $late_ns::BIGINT OR turned_away(failure))
GROUP BY workload
ORDER BY workload
