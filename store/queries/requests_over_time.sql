-- How did the requests fare over time: how many were due, how did they end, how long did they take?
--
-- A request belongs to the moment it was due, whenever it ended. Latency counts from there, over all
-- of them: one that did not succeed counts as never answered. The time is cut into cells of equal length; the last one takes what remains, and is longer or shorter.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell
--
-- at_ns          the start of a cell
-- requests       due in it
-- failed         of them ended in error or unknown
-- due_per_s, answered_per_s          requests due, and of them succeeded, a second
-- success_ratio                      0..1; NULL without requests
-- p50_ms, p95_ms, p99_ms             NULL: never, because more than the rest did not succeed, or without requests
-- max_ms                             of those that succeeded; NULL when none did
WITH cells AS (
    SELECT unnest(range(chart_cells($from_ns, $to_ns, $cell_ns))) AS cell
),
spans AS (
    SELECT
        cell, $from_ns + cell * $cell_ns AS at_ns,
        if(cell = max(cell) OVER (), greatest($to_ns - at_ns, 1), $cell_ns) / 1e9 AS length_s
    FROM cells
),
counted AS (
    SELECT
        chart_cell(scheduled_ns, $from_ns, $to_ns, $cell_ns) AS cell,
        count(*) AS requests,
        count(*) FILTER (succeeded(outcome)) AS answered,
        latency_percentiles(outcome, scheduled_ns, ended_ns, [0.5, 0.95, 0.99]) AS ranks_ns,
        max(latency_ns(outcome, scheduled_ns, ended_ns)) AS max_ns
    FROM requests
    WHERE scheduled_ns >= $from_ns
    GROUP BY ALL
)
SELECT
    at_ns,
    coalesce(requests, 0) AS requests,
    coalesce(requests - answered, 0) AS failed,
    coalesce(requests, 0) / length_s AS due_per_s,
    coalesce(answered, 0) / length_s AS answered_per_s,
    answered / requests AS success_ratio,
    milliseconds(ranks_ns[1]) AS p50_ms,
    milliseconds(ranks_ns[2]) AS p95_ms,
    milliseconds(ranks_ns[3]) AS p99_ms,
    milliseconds(max_ns) AS max_ms
FROM spans
LEFT JOIN counted USING (cell)
ORDER BY at_ns
