-- In which state was each circuit breaker, when?
--
-- No row without: breaker_changes
--
-- A lane per provider and transport the gateway used. Spans of one state that begin in the same cell of time are one
-- row, from the start of the first to the end of the last, so that a breaker that flaps for hours can be drawn.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell
-- $limit               so many lanes, those with the most changes first
--
-- provider, transport
-- place              the lane, from 1
-- lanes              how many there are without the limit
-- state              'closed' (a row from the start to the end, under the others), 'open' or 'half_open'
-- started_ns, ended_ns
-- spans              how many spans the row is made of
WITH used AS (
    SELECT DISTINCT provider, transport FROM gateway_attempts
    UNION
    SELECT DISTINCT provider, transport FROM breaker_changes
),
changes AS (
    SELECT provider, transport, count(*) AS changes FROM breaker_changes GROUP BY ALL
),
lanes AS (
    SELECT
        provider, transport,
        row_number() OVER (ORDER BY coalesce(changes, 0) DESC, provider, transport) AS rank,
        count(*) OVER () AS lanes
    FROM used
    LEFT JOIN changes USING (provider, transport)
    WHERE EXISTS (FROM breaker_changes)
),
placed AS (
    SELECT provider, transport, lanes, row_number() OVER (ORDER BY provider, transport) AS place
    FROM lanes
    WHERE rank <= $limit
),
spans AS (
    SELECT
        provider, transport, state,
        1 AS open_place,
        min(started_ns) AS started_ns,
        max(least(coalesce(ended_ns, $to_ns), $to_ns)) AS ended_ns,
        count(*) AS spans
    FROM breaker_windows
    WHERE started_ns < $to_ns
    GROUP BY provider, transport, state, (started_ns - $from_ns) // $cell_ns
)
SELECT
    provider, transport, place, lanes,
    coalesce(state, 'closed') AS state,
    coalesce(started_ns, $from_ns) AS started_ns,
    coalesce(ended_ns, $to_ns) AS ended_ns,
    coalesce(spans, 1) AS spans
FROM (
    SELECT * FROM placed JOIN spans USING (provider, transport)
    UNION ALL
    SELECT *, NULL, NULL, NULL, NULL, NULL FROM placed
)
ORDER BY place, open_place NULLS FIRST, started_ns, state
