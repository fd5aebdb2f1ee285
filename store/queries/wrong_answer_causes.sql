-- Where do wrong answers come from, as far as the log shows?
--
-- cause        'not_json_rpc': what came with HTTP 2xx, or over a WebSocket, is not JSON-RPC;
--              'of_another_request': the response has the id of another request;
--              'of_another_batch': answers to a batch were missing, repeated or not asked for;
--              'changed_error': the right answer was an error, and another answer came;
--              'faulty_provider': a provider answered it under a fault that changes answers (the view `fault_rules`);
--              'nobody_asked': providers that log served other requests, and never this one;
--              'changed': a provider gave the right answer to it, and the client got another one;
--              'unknown': no provider that logs gave any answer to it
-- requests     how many
-- first_request_id
-- under_fault  of them were given to a provider that answered under such a fault
WITH wrong AS (
    SELECT request_id, failure, expected_rpc_code, ended_ns FROM requests WHERE answer = 'wrong'
),
lying AS (
    SELECT fault_id FROM fault_spans SEMI JOIN (FROM fault_rules WHERE changes_answers) USING (kind)
),
serving AS (
    SELECT
        request_id,
        bool_or(lying.fault_id IS NOT NULL AND replied_ns IS NOT NULL) AS under_fault,
        bool_or(lying.fault_id IS NULL AND outcome = 'ok') AS was_right
    FROM attempts
    SEMI JOIN wrong USING (request_id)
    LEFT JOIN lying ON attempts.fault_id = lying.fault_id
    GROUP BY request_id
),
explained AS (
    SELECT
        request_id, ended_ns, coalesce(under_fault, false) AS under_fault,
        CASE
            WHEN failure = 'not_json_rpc' THEN 'not_json_rpc'
            WHEN failure = 'wrong_id' THEN 'of_another_request'
            WHEN failure = 'wrong_batch' THEN 'of_another_batch'
            WHEN expected_rpc_code IS NOT NULL AND NOT coalesce(under_fault, false) THEN 'changed_error'
            WHEN under_fault THEN 'faulty_provider'
            WHEN under_fault IS NULL AND EXISTS (FROM attempts WHERE request_id IS NOT NULL) THEN 'nobody_asked'
            WHEN was_right THEN 'changed'
            ELSE 'unknown'
        END AS cause
    FROM wrong
    LEFT JOIN serving USING (request_id)
)
SELECT cause, count(*) AS requests, arg_min(request_id, ended_ns) AS first_request_id,
    count(*) FILTER (under_fault) AS under_fault
FROM explained
GROUP BY cause
ORDER BY requests DESC, cause
