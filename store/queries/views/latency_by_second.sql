-- How did latency and errors go, second by second?
--
-- A request belongs to the second it was due in, whenever it ended. Latency counts from the due time, over
-- the requests that succeeded; those that did not are in `failed`.
--
-- second           whole seconds since the run's epoch
-- requests
-- failed           ended in error or unknown
-- p50_latency_ns, p95_latency_ns, p99_latency_ns, max_latency_ns      NULL when none succeeded
CREATE VIEW latency_by_second AS
SELECT
    scheduled_ns // 1_000_000_000 AS second,
    count(*) AS requests,
    count(*) FILTER (outcome <> 'ok') AS failed,
    quantile_disc(ended_ns - scheduled_ns, 0.5) FILTER (outcome = 'ok') AS p50_latency_ns,
    quantile_disc(ended_ns - scheduled_ns, 0.95) FILTER (outcome = 'ok') AS p95_latency_ns,
    quantile_disc(ended_ns - scheduled_ns, 0.99) FILTER (outcome = 'ok') AS p99_latency_ns,
    max(ended_ns - scheduled_ns) FILTER (outcome = 'ok') AS max_latency_ns
FROM requests
GROUP BY second
