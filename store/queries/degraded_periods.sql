-- In which stretches of seconds was a workload slower or worse than it should be?
--
-- A request belongs to the second it was due in, counted from $began_ns; one without requests breaks a stretch. The
-- longest comes first.
--
-- $workload
-- $p95_limit_ns          a second is bad when its p95 latency, over all its requests, is above this, or was never
-- $success_min_ratio     reached, or when fewer than this share of its requests succeeded
-- $start_ns              only stretches that go on after this
-- $began_ns              when the load began
--
-- from_second, to_second      the first and the last bad second, since the load began
-- requests, failed
-- to_the_end                  whether no later second has a request
WITH by_second AS (
    SELECT
        second_of(scheduled_ns - $began_ns::BIGINT) AS second,
        count(*) AS requests,
        count(*) FILTER (NOT succeeded(outcome)) AS failed,
        latency_percentile(outcome, scheduled_ns, ended_ns, 0.95) AS p95_ns
    FROM requests
    WHERE workload = $workload::VARCHAR
    GROUP BY second
),
bad AS (
    SELECT *, second - row_number() OVER (ORDER BY second) AS stretch
    FROM by_second
    WHERE coalesce(p95_ns > $p95_limit_ns::BIGINT, true) OR failed > (1 - $success_min_ratio::DOUBLE) * requests
)
SELECT
    min(second) AS from_second,
    max(second) AS to_second,
    sum(requests)::BIGINT AS requests,
    sum(failed)::BIGINT AS failed,
    max(second) = (SELECT max(second) FROM by_second) AS to_the_end
FROM bad
GROUP BY stretch
HAVING $began_ns::BIGINT + (to_second + 1) * 1_000_000_000 > $start_ns::BIGINT
ORDER BY count(*) DESC, from_second DESC
