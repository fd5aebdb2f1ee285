-- How long after its block's time on the chain did a head reach the clients, over time?
--
-- The view `head_arrivals`: an arrival belongs to the moment at which its block came about. Only heads whose block came
-- about after the client's subscription stood.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell; the last one takes what remains
--
-- at_ns                the start of a cell; only cells with arrivals have rows
-- heads                arrivals, over all clients
-- p50_ms, p99_ms, max_ms     exact, in milliseconds
WITH arrivals AS (
    SELECT produced_ns, milliseconds(delay_ns) AS delay_ms
    FROM head_arrivals
    WHERE produced_ns >= $from_ns
)
SELECT
    $from_ns + $cell_ns * chart_cell(produced_ns, $from_ns, $to_ns, $cell_ns) AS at_ns,
    count(*) AS heads,
    quantile_disc(delay_ms, 0.5) AS p50_ms,
    quantile_disc(delay_ms, 0.99) AS p99_ms,
    max(delay_ms) AS max_ms
FROM arrivals
GROUP BY ALL
ORDER BY at_ns
