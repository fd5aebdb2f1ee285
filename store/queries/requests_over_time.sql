-- How did the requests fare over time: how many were due, how did they end, how long did they take?
--
-- A request belongs to the moment it was due, whenever it ended. Latency counts from there, over those that ended
-- ok. The time is cut into cells of equal length; the last one takes what remains, and is longer or shorter.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell
--
-- at_ns          the start of a cell
-- requests       due in it
-- failed         of them ended in error or unknown
-- due_per_s, answered_per_s          requests due, and of them succeeded, a second
-- success_ratio                      0..1; NULL without requests
-- p50_ms, p95_ms, p99_ms, max_ms     NULL when none succeeded
WITH cells AS (
    SELECT unnest(range(greatest(1, round(($to_ns - $from_ns) / $cell_ns)::BIGINT))) AS cell
),
spans AS (
    SELECT
        cell, $from_ns + cell * $cell_ns AS at_ns,
        if(cell = max(cell) OVER (), greatest($to_ns - at_ns, 1), $cell_ns) / 1e9 AS length_s
    FROM cells
),
counted AS (
    SELECT
        least((scheduled_ns - $from_ns) // $cell_ns, (SELECT max(cell) FROM cells)) AS cell,
        count(*) AS requests,
        count(*) FILTER (outcome = 'ok') AS answered,
        quantile_disc(ended_ns - scheduled_ns, [0.5, 0.95, 0.99]) FILTER (outcome = 'ok') AS ranks_ns,
        max(ended_ns - scheduled_ns) FILTER (outcome = 'ok') AS max_ns
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
    ranks_ns[1] / 1e6 AS p50_ms,
    ranks_ns[2] / 1e6 AS p95_ms,
    ranks_ns[3] / 1e6 AS p99_ms,
    max_ns / 1e6 AS max_ms
FROM spans
LEFT JOIN counted USING (cell)
ORDER BY at_ns
