-- How did latency and errors go, second by second?
--
-- A request belongs to the second it was due in, whenever it ended. Latency counts from the due time, over
-- all requests; one that did not succeed counts as never answered.
--
-- second           whole seconds since the run's epoch
-- requests
-- failed           ended in error or unknown
-- p50_latency_ns, p95_latency_ns, p99_latency_ns      NULL: never, because more than the rest did not succeed
-- max_latency_ns   of those that succeeded; NULL when none did
CREATE VIEW latency_by_second AS
WITH by_second AS (
    SELECT
        second_of(scheduled_ns) AS second,
        count(*) AS requests,
        count(*) FILTER (NOT succeeded(outcome)) AS failed,
        latency_percentiles(outcome, scheduled_ns, ended_ns, [0.5, 0.95, 0.99]) AS ranks,
        max(latency_ns(outcome, scheduled_ns, ended_ns)) AS max_latency_ns
    FROM requests
    GROUP BY second
)
SELECT
    second, requests, failed,
    ranks[1] AS p50_latency_ns,
    ranks[2] AS p95_latency_ns,
    ranks[3] AS p99_latency_ns,
    max_latency_ns
FROM by_second
