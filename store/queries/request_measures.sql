-- How did the requests of a part of the run fare? The whole run is one window.
--
-- A request belongs to the window it was due in; one due before the run's epoch, to the first. Percentiles are exact and over all these requests, from the due time;
-- one that did not succeed counts as never answered.
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
-- requests, ok
-- success_ratio             NULL when there are none
-- p50_latency_ns, p90_latency_ns, p95_latency_ns, p99_latency_ns, p999_latency_ns      NULL: never, or there are none
-- max_latency_ns, mean_latency_ns      of those that succeeded; NULL when none did
-- checked, wrong, stale     their answers
-- sent                      of them left the generator
-- sent_ratio                of them were sent, or turned away by the gateway; NULL when there are none
-- p50_late_ns, p90_late_ns, p95_late_ns, p99_late_ns, p999_late_ns, max_late_ns, mean_late_ns
--                           how late they were sent, over what was sent; NULL: nothing was
WITH beyond AS (
    SELECT
        unnest($beyond_workloads::VARCHAR[]) AS workload,
        unnest($beyond_starts_ns::BIGINT[]) AS beyond_start_ns,
        unnest($beyond_ends_ns::BIGINT[]) AS beyond_end_ns
),
due AS (
    -- One window, which the whole run is too, takes no join: only one half is ever planned.
    SELECT workload, method, scheduled_ns, sent_ns, ended_ns, outcome, answer, failure
    FROM requests
    WHERE len($starts_ns::BIGINT[]) = 1
        AND greatest(scheduled_ns, 0) >= ($starts_ns::BIGINT[])[1] AND scheduled_ns < ($ends_ns::BIGINT[])[1]
    UNION ALL
    SELECT workload, method, scheduled_ns, sent_ns, ended_ns, outcome, answer, failure
    FROM requests
    SEMI JOIN window_seconds($starts_ns, $ends_ns, (SELECT coalesce(max(scheduled_ns), 0) FROM requests))
        ON second_of(scheduled_ns) = second AND scheduled_ns >= start_ns AND scheduled_ns < end_ns
    WHERE len($starts_ns::BIGINT[]) <> 1
),
chosen AS (
    SELECT scheduled_ns, sent_ns, ended_ns, outcome, answer, failure
    FROM due
    ANTI JOIN windows($spared_starts_ns, $spared_ends_ns) AS spared
        ON scheduled_ns < spared.end_ns AND ended_ns >= spared.start_ns
    ANTI JOIN beyond
        ON due.workload = beyond.workload AND scheduled_ns >= beyond_start_ns AND scheduled_ns < beyond_end_ns
    WHERE is_chosen(workload, $workload)
        AND is_chosen(method, $method)
        AND ($late_ns::BIGINT IS NULL OR sent_ns - scheduled_ns <= $late_ns::BIGINT OR turned_away(failure))
        AND NOT ($cut AND coalesce(failure, '') IN ('interrupted', 'unread'))
),
summed AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (succeeded(outcome)) AS ok,
        count(sent_ns) AS sent,
        count(*) FILTER (sent_ns IS NOT NULL OR turned_away(failure)) AS sent_or_refused,
        count(*) FILTER (answer <> 'none') AS checked,
        count(*) FILTER (answer = 'wrong') AS wrong,
        count(*) FILTER (answer = 'stale') AS stale,
        latency_percentiles(outcome, scheduled_ns, ended_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS latencies_ns,
        max(latency_ns(outcome, scheduled_ns, ended_ns)) AS max_latency_ns,
        avg(latency_ns(outcome, scheduled_ns, ended_ns)) AS mean_latency_ns,
        quantile_disc(sent_ns - scheduled_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS lateness_ns,
        max(sent_ns - scheduled_ns) AS max_late_ns,
        avg(sent_ns - scheduled_ns) AS mean_late_ns
    FROM chosen
)
SELECT
    requests, ok,
    ok / nullif(requests, 0) AS success_ratio,
    latencies_ns[1] AS p50_latency_ns,
    latencies_ns[2] AS p90_latency_ns,
    latencies_ns[3] AS p95_latency_ns,
    latencies_ns[4] AS p99_latency_ns,
    latencies_ns[5] AS p999_latency_ns,
    max_latency_ns,
    round(mean_latency_ns)::BIGINT AS mean_latency_ns,
    checked, wrong, stale, sent,
    sent_or_refused / nullif(requests, 0) AS sent_ratio,
    lateness_ns[1] AS p50_late_ns,
    lateness_ns[2] AS p90_late_ns,
    lateness_ns[3] AS p95_late_ns,
    lateness_ns[4] AS p99_late_ns,
    lateness_ns[5] AS p999_late_ns,
    max_late_ns,
    round(mean_late_ns)::BIGINT AS mean_late_ns
FROM summed
