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
WITH placed AS MATERIALIZED (
    SELECT coalesce(scheduled_ns, started_ns) AS due_ns, answered, cost_ns
    FROM failovers
    -- All that there was is in the window of the whole run, whenever it was due: then no request is looked for.
    LEFT JOIN (
        SELECT request_id, scheduled_ns
        FROM requests
        WHERE len($starts_ns::BIGINT[]) <> 1 OR ($starts_ns::BIGINT[])[1] > 0 OR ($ends_ns::BIGINT[])[1] < 4_611_686_018_427_387_904
    ) USING (request_id)
)
SELECT
    if((SELECT attempts FROM gateway_reports) OR count(*) > 0, count(*), NULL) AS failovers,
    count(*) FILTER (answered) AS answered,
    max(cost_ns) AS cost_max_ns
FROM placed
SEMI JOIN window_seconds($starts_ns, $ends_ns, (SELECT coalesce(max(due_ns), 0) FROM placed))
    ON second_of(due_ns) = second AND due_ns >= start_ns AND due_ns < end_ns
