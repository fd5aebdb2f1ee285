-- Which provider gave the good answers, over time?
--
-- As the gateway says when it reports its attempts, else as the providers saw them. An answer belongs to the moment
-- it was given. Only cells with answers have rows.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell; the last one takes what remains
-- $limit               so many providers have their name; those that did less are together as 'others'
--
-- at_ns, end_ns        the cell
-- provider
-- answers
-- answers_per_s
WITH answered AS (
    SELECT provider, ended_ns AS at_ns FROM gateway_attempts WHERE outcome = 'ok'
    UNION ALL
    SELECT provider, replied_ns FROM attempts WHERE outcome = 'ok' AND NOT (SELECT attempts FROM gateway_reports)
),
counted AS (
    SELECT
        provider,
        chart_cell(at_ns, $from_ns, $to_ns, $cell_ns) AS cell,
        count(*) AS answers
    FROM answered
    WHERE at_ns >= $from_ns AND at_ns <= $to_ns
    GROUP BY ALL
),
ranks AS (
    SELECT provider, row_number() OVER (ORDER BY sum(answers) DESC, provider) AS place FROM counted GROUP BY provider
)
SELECT
    $from_ns + cell * $cell_ns AS at_ns,
    if(cell = chart_cells($from_ns, $to_ns, $cell_ns) - 1, $to_ns, at_ns + $cell_ns) AS end_ns,
    if(place <= $limit, provider, 'others') AS provider,
    sum(answers)::BIGINT AS answers,
    sum(answers) * 1e9 / greatest(end_ns - at_ns, 1) AS answers_per_s
FROM counted
JOIN ranks USING (provider)
GROUP BY cell, if(place <= $limit, provider, 'others')
ORDER BY at_ns, min(place)
