-- How did the requests of a part of the run fare?
--
-- A request belongs to the window it was due in. Percentiles are exact and over all these requests, from the due time;
-- one that did not succeed counts as longer than any.
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
-- $workload                 only of this workload; NULL: of all
-- $method                   only of this method; NULL: of all
-- $late_ns                  only those sent at most so late, or that the gateway turned away; NULL: all
-- $cut                      whether requests that the load itself cut off, at its end or for being left unread, do not count
-- $spared_starts_ns, $spared_ends_ns      requests that were under way in one of these windows do not count
-- $beyond_workloads, $beyond_starts_ns, $beyond_ends_ns      requests of these workloads that were due in these times
--                           (steps beyond a knee) do not count
--
-- requests
-- sent_ratio                of them were sent, or turned away by the gateway; NULL when there are none
-- success_ratio             NULL likewise
-- p50_latency_ns, p95_latency_ns, p99_latency_ns      NULL: never, or there are none
-- checked, wrong, stale     their answers
-- late_p99_ns               how late they were sent; NULL: none was
WITH windows AS (
    SELECT unnest($starts_ns::BIGINT[]) AS start_ns, unnest($ends_ns::BIGINT[]) AS end_ns
),
spared AS (
    SELECT unnest($spared_starts_ns::BIGINT[]) AS spared_start_ns, unnest($spared_ends_ns::BIGINT[]) AS spared_end_ns
),
beyond AS (
    SELECT
        unnest($beyond_workloads::VARCHAR[]) AS workload,
        unnest($beyond_starts_ns::BIGINT[]) AS beyond_start_ns,
        unnest($beyond_ends_ns::BIGINT[]) AS beyond_end_ns
),
seconds AS (
    -- A moment is looked for among the windows of its second: that costs the same however many windows there are.
    SELECT
        *,
        unnest(range(
            start_ns // 1_000_000_000,
            least(end_ns, (SELECT coalesce(max(scheduled_ns), 0) FROM requests)) // 1_000_000_000 + 1
        )) AS second
    FROM windows
),
chosen AS (
    SELECT scheduled_ns, sent_ns, ended_ns, outcome = 'ok' AS ok, answer, failure
    FROM requests
    SEMI JOIN seconds ON scheduled_ns // 1_000_000_000 = second AND scheduled_ns >= start_ns AND scheduled_ns < end_ns
    ANTI JOIN spared ON scheduled_ns < spared_end_ns AND ended_ns >= spared_start_ns
    ANTI JOIN beyond
        ON requests.workload = beyond.workload AND scheduled_ns >= beyond_start_ns AND scheduled_ns < beyond_end_ns
    WHERE ($workload::VARCHAR IS NULL OR workload = $workload::VARCHAR)
        AND ($method::VARCHAR IS NULL OR method = $method::VARCHAR)
        AND ($late_ns::BIGINT IS NULL OR sent_ns - scheduled_ns <= $late_ns::BIGINT OR failure IN ('refused', 'no_websocket'))
        AND NOT ($cut AND coalesce(failure, '') IN ('interrupted', 'unread'))
),
summed AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (ok) AS ok,
        count(*) FILTER (sent_ns IS NOT NULL OR failure IN ('refused', 'no_websocket')) AS sent,
        count(*) FILTER (answer <> 'none') AS checked,
        count(*) FILTER (answer = 'wrong') AS wrong,
        count(*) FILTER (answer = 'stale') AS stale,
        quantile_disc(if(ok, ended_ns - scheduled_ns, 9_223_372_036_854_775_807), [0.5, 0.95, 0.99]) AS ranks,
        quantile_disc(sent_ns - scheduled_ns, 0.99) AS late_p99_ns
    FROM chosen
)
SELECT
    requests,
    sent / nullif(requests, 0) AS sent_ratio,
    ok / nullif(requests, 0) AS success_ratio,
    nullif(ranks[1], 9_223_372_036_854_775_807) AS p50_latency_ns,
    nullif(ranks[2], 9_223_372_036_854_775_807) AS p95_latency_ns,
    nullif(ranks[3], 9_223_372_036_854_775_807) AS p99_latency_ns,
    checked, wrong, stale, late_p99_ns
FROM summed
