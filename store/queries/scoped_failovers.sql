-- How often did requests of a part of the run need more than one attempt, and what did that cost?
--
-- A failover belongs to the window its request was due in; one of a request that never ended, to that of its first
-- attempt.
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
--
-- failovers                 through a gateway that does not report its attempts there may have been more; NULL: none was
--                           seen through such a gateway, so nobody knows
-- answered                  of them succeeded at last
-- cost_max_ns               see the view `failovers`; NULL when there are none
WITH windows AS (
    SELECT unnest($starts_ns::BIGINT[]) AS start_ns, unnest($ends_ns::BIGINT[]) AS end_ns
),
placed AS MATERIALIZED (
    SELECT coalesce(scheduled_ns, started_ns) AS due_ns, answered, cost_ns
    FROM failovers
    LEFT JOIN (SELECT request_id, scheduled_ns FROM requests) USING (request_id)
),
seconds AS (
    -- A moment is looked for among the windows of its second: that costs the same however many windows there are.
    SELECT
        *,
        unnest(range(
            start_ns // 1_000_000_000,
            least(end_ns, (SELECT coalesce(max(due_ns), 0) FROM placed)) // 1_000_000_000 + 1
        )) AS second
    FROM windows
)
SELECT
    if((SELECT attempts FROM gateway_reports) OR count(*) > 0, count(*), NULL) AS failovers,
    count(*) FILTER (answered) AS answered,
    max(cost_ns) AS cost_max_ns
FROM placed
SEMI JOIN seconds ON due_ns // 1_000_000_000 = second AND due_ns >= start_ns AND due_ns < end_ns
