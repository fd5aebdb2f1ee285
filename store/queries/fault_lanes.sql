-- Which faults were in force when?
--
-- No row without: faults
--
-- Faults of one lane that overlap, or are less than a cell apart, are one row.
--
-- $from_ns, $to_ns     the span; a fault that was not reverted lasts to its end
-- $cell_ns             the length of a cell
-- $by                  'kind': a lane for each kind of fault and target; 'all': one lane for all of them
-- $limit               so many lanes, those with the most faults first
--
-- lane               the target and the kind; with 'all' it is 'any fault'
-- place              the lane, from 1, in the order of their first faults
-- lanes              how many there are without the limit
-- started_ns, ended_ns
-- faults             how many the row is made of
-- named              the ids of the first four of them
WITH applied AS (
    SELECT
        fault_id,
        if($by::VARCHAR = 'all', 'any fault', any_value(target) || ': ' || any_value(kind)) AS lane,
        min(at_ns) FILTER (phase = 'applied') AS started_ns,
        least(coalesce(max(at_ns) FILTER (phase = 'reverted'), $to_ns), $to_ns) AS ended_ns
    FROM faults
    GROUP BY fault_id
    HAVING count(*) FILTER (phase = 'applied') > 0
),
marked AS (
    SELECT
        *,
        started_ns - $cell_ns >= coalesce(
            max(ended_ns) OVER (PARTITION BY lane ORDER BY started_ns, fault_id
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            started_ns - $cell_ns
        ) AS begins
    FROM applied
    WHERE started_ns < $to_ns AND ended_ns > $from_ns
),
islands AS (
    SELECT *, sum(begins::INTEGER) OVER (PARTITION BY lane ORDER BY started_ns, fault_id) AS island FROM marked
),
counted AS (
    SELECT lane, count(*) AS faults, min(started_ns) AS first_ns FROM marked GROUP BY lane
),
ranked AS (
    SELECT
        lane, first_ns,
        row_number() OVER (ORDER BY faults DESC, first_ns, lane) AS rank,
        count(*) OVER () AS lanes
    FROM counted
),
placed AS (
    SELECT lane, lanes, row_number() OVER (ORDER BY first_ns, lane) AS place FROM ranked WHERE rank <= $limit
)
SELECT
    lane, place, lanes,
    greatest(min(started_ns), $from_ns) AS started_ns,
    greatest(max(ended_ns), min(started_ns)) AS ended_ns,
    count(*) AS faults,
    list(fault_id ORDER BY started_ns, fault_id)[1:4] AS named
FROM islands
JOIN placed USING (lane)
GROUP BY lane, place, lanes, island
ORDER BY place, started_ns
