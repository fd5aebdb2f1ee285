-- When did requests fail, and of what?
--
-- A request belongs to the moment it was due. Only cells with failures have rows.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell; the last one takes what remains
-- $limit               so many kinds of failure have their name; the rarer ones are together as 'others'
--
-- at_ns, end_ns        the cell
-- failure              what went wrong, and the HTTP status or JSON-RPC code where it has one
-- requests
WITH named AS (
    SELECT
        chart_cell(scheduled_ns, $from_ns, $to_ns, $cell_ns) AS cell,
        concat_ws(' ', coalesce(failure, outcome), if(failure = 'http_status', http_status, NULL),
                  if(failure = 'rpc_error', rpc_code, NULL)) AS failure,
        count(*) AS requests
    FROM requests
    WHERE NOT succeeded(outcome) AND scheduled_ns >= $from_ns
    GROUP BY ALL
),
ranks AS (
    SELECT failure, row_number() OVER (ORDER BY sum(requests) DESC, failure) AS place FROM named GROUP BY failure
)
SELECT
    $from_ns + cell * $cell_ns AS at_ns,
    if(cell = chart_cells($from_ns, $to_ns, $cell_ns) - 1, $to_ns, at_ns + $cell_ns) AS end_ns,
    if(place <= $limit, failure, 'others') AS failure,
    sum(requests)::BIGINT AS requests
FROM named
JOIN ranks USING (failure)
GROUP BY cell, if(place <= $limit, failure, 'others')
ORDER BY at_ns, min(place)
