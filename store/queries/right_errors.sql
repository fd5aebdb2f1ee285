-- What did the gateway make of errors that are right answers?
--
-- Batches do not count: the log does not say which of their calls it is. A provider answered rightly when its whole answer
-- left while the client still waited, and nobody else had been asked meanwhile: else the gateway had perhaps given it up.
-- An answer counts as left when that was logged, which may be some milliseconds after the client has it.
--
-- $limit    how many requests are listed at most
--
-- expected           requests whose right answer is an error
-- passed_on          of them the client got it
-- changed            of them a provider answered rightly, and the client got another answer
-- changed_errors     of those, the ones that are no wrong answers: errors in which a server says that it failed
-- retried            of them a provider answered rightly, and then another attempt was made. Not those with -32000, 4444
--                    and -32601, which are said of blocks and methods that a provider does not have: another may
-- first_changed      [{request_id, provider, expected_rpc_code, rpc_code, http_status, outcome}] the first of those
-- first_retried      [request_id] the first of those
WITH due AS (
    SELECT request_id, ended_ns, outcome, answer, rpc_code, http_status, expected_rpc_code
    FROM requests
    WHERE expected_rpc_code IS NOT NULL
),
made AS (
    SELECT due.request_id, provider, received_ns, replied_ns, due.ended_ns, expected_rpc_code,
        attempts.outcome = 'ok' AND attempts.rpc_code = expected_rpc_code AND replied_ns <= due.ended_ns + 10_000_000
            AS is_right
    FROM due
    JOIN attempts USING (request_id)
),
given AS (
    SELECT
        request_id, arg_min(provider, replied_ns) AS provider, min(replied_ns) AS replied_ns
    FROM made
    WHERE is_right AND NOT EXISTS (
        FROM made AS other
        WHERE other.request_id = made.request_id
            AND other.received_ns > made.received_ns AND other.received_ns < made.replied_ns
    )
    GROUP BY request_id
),
outcomes AS (
    SELECT
        due.*, provider,
        provider IS NOT NULL AND answer <> 'right' AND outcome <> 'unknown' AS changed,
        expected_rpc_code NOT IN (-32000, -32601, 4444) AND EXISTS (
            FROM made WHERE made.request_id = due.request_id AND made.received_ns >= given.replied_ns
        ) AS retried
    FROM due
    LEFT JOIN given USING (request_id)
)
SELECT
    count(*) AS expected,
    count(*) FILTER (answer = 'right') AS passed_on,
    count(*) FILTER (changed) AS changed,
    count(*) FILTER (changed AND answer <> 'wrong') AS changed_errors,
    count(*) FILTER (retried) AS retried,
    coalesce(list({
        request_id: request_id, provider: provider, expected_rpc_code: expected_rpc_code, rpc_code: rpc_code,
        http_status: http_status, outcome: outcome
    } ORDER BY ended_ns, request_id) FILTER (changed), [])[:$limit] AS first_changed,
    coalesce(list(request_id ORDER BY ended_ns, request_id) FILTER (retried), [])[:$limit] AS first_retried
FROM outcomes
