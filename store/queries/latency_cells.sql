-- How many requests of each span of the load took how long?
--
-- The load, from the first due time to the last, is cut into cells of equal length, and the latencies into bins of
-- 1 %: bin k holds from 1.01^k up to 1.01^(k + 1) ns, bin 3000 also all above, bin 0 all below. A row per workload,
-- method and clock; its lists are parallel, and pairs that did not happen are not in them.
--
-- $cells        into how many cells at most
-- $by_method    whether the methods of a workload get rows of their own
--
-- workload
-- method        NULL: all of them
-- clock         'due': latency from scheduled_ns to the end; 'sent': from sent_ns to the end
-- cells         how many there are
-- cell_ns       how long each is
-- places        INTEGER[]: cell * 4096 + bin + 1, where bin -1 is "did not succeed"
-- counts        BIGINT[]: how many requests there
WITH load AS (
    SELECT
        min(scheduled_ns) AS began_ns,
        max(scheduled_ns) - min(scheduled_ns) + 1 AS load_ns,
        (load_ns - 1) // $cells::BIGINT + 1 AS cell_ns  -- whole numbers: a double loses what decides the last cell
    FROM requests
),
placed AS (
    SELECT
        workload,
        if($by_method::BOOLEAN, method, NULL) AS method,
        (scheduled_ns - began_ns) // cell_ns AS cell,
        succeeded(outcome) AS ok,
        floor(ln(if(ended_ns > scheduled_ns, ended_ns - scheduled_ns, 1)) / ln(1.01))::INTEGER AS due_bin,
        floor(ln(if(ended_ns > sent_ns, ended_ns - sent_ns, 1)) / ln(1.01))::INTEGER AS sent_bin
    FROM requests, load
),
counted AS MATERIALIZED (
    -- Both clocks at once: their bins differ little, so there are hardly more groups than with one. What can be worked
    -- out for each group is left until then, there are so many more requests.
    SELECT workload, method, cell, ok, due_bin, sent_bin, count(*) AS requests
    FROM placed
    GROUP BY ALL
),
by_clock AS (
    SELECT
        workload, method, 'due' AS clock,
        (cell * 4096 + if(ok, least(3000, due_bin) + 1, 0))::INTEGER AS place,
        sum(requests)::BIGINT AS requests
    FROM counted
    GROUP BY ALL
    UNION ALL
    SELECT
        workload, method, 'sent', (cell * 4096 + if(ok, least(3000, sent_bin) + 1, 0))::INTEGER AS place,
        sum(requests)::BIGINT
    FROM counted
    GROUP BY ALL
)
SELECT
    workload, method, clock,
    (any_value(load_ns) - 1) // any_value(cell_ns) + 1 AS cells,
    any_value(cell_ns) AS cell_ns,
    list(place) AS places,
    list(requests) AS counts
FROM by_clock, load
GROUP BY workload, method, clock
ORDER BY workload, method, clock
