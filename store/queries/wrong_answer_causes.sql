-- Where do wrong answers come from, as far as the log can tell?
--
-- cause        'of_another_request': the response said it answers another request;
--              'faulty_provider': a provider gave an answer to this request under a fault of the chaos plan;
--              'nobody_asked': providers that log served other requests, and never this one;
--              'unknown': providers answered it, and no fault made them lie, or they do not log
-- requests     how many
-- first_request_id
WITH wrong AS (
    SELECT request_id, outcome, ended_ns FROM requests WHERE answer = 'wrong'
),
serving AS (
    SELECT request_id, bool_or(fault_id IS NOT NULL) AS under_fault
    FROM attempts
    SEMI JOIN wrong USING (request_id)
    GROUP BY request_id
),
explained AS (
    SELECT
        request_id, ended_ns,
        CASE
            WHEN outcome <> 'ok' THEN 'of_another_request'
            WHEN under_fault THEN 'faulty_provider'
            WHEN under_fault IS NULL AND EXISTS (FROM attempts WHERE request_id IS NOT NULL) THEN 'nobody_asked'
            ELSE 'unknown'
        END AS cause
    FROM wrong
    LEFT JOIN serving USING (request_id)
)
SELECT cause, count(*) AS requests, arg_min(request_id, ended_ns) AS first_request_id
FROM explained
GROUP BY cause
ORDER BY requests DESC, cause
