-- What did the failovers of each span of the load cost?
--
-- Cells and bins are those of query `latency_cells`: the load, from the first due time to the last, is cut into cells
-- of equal length, costs into bins of 1 %: bin k holds from 1.01^k up to 1.01^(k + 1) ns, bin 3000 also all above,
-- bin 0 all below. One row, without any failover none; its lists are parallel, pairs that did not happen are missing.
--
-- $cells        into how many cells at most
--
-- workload, method      NULL: all of them
-- clock         'due': as `latency_cells` calls it; a failover counts from the start of its first attempt
-- cells         how many there are
-- cell_ns       how long each is
-- places        INTEGER[]: cell * 4096 + bin + 1
-- counts        BIGINT[]: how many failovers there
WITH load AS (
    SELECT
        min(scheduled_ns) AS began_ns,
        max(scheduled_ns) - min(scheduled_ns) + 1 AS load_ns,
        (load_ns - 1) // $cells::BIGINT + 1 AS cell_ns,
        (load_ns - 1) // cell_ns + 1 AS cells
    FROM requests
),
counted AS (
    SELECT
        -- A first attempt can start after the last request was due: it belongs to the last cell.
        (greatest(0, least(cells - 1, (started_ns - began_ns) // cell_ns)) * 4096
            + least(3000, floor(ln(greatest(1, cost_ns)) / ln(1.01))) + 1)::INTEGER AS place,
        count(*) AS failovers
    FROM failovers, load
    GROUP BY place
)
SELECT
    NULL::VARCHAR AS workload, NULL::VARCHAR AS method, 'due' AS clock,
    any_value(cells) AS cells,
    any_value(cell_ns) AS cell_ns,
    list(place ORDER BY place) AS places,
    list(failovers ORDER BY place) AS counts
FROM counted, load
HAVING count(*) > 0
