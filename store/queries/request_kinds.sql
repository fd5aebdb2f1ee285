-- How did the requests end, what were the answers worth, and what went wrong?
--
-- A row per combination that occurred, the commonest first.
--
-- outcome     'ok', 'error' or 'unknown'
-- answer      'right', 'wrong', 'stale' or 'none'
-- failure     NULL when nothing went wrong
-- http_status, rpc_code      NULL when there was none
-- requests
-- sent        of them left the generator
-- first_scheduled_ns, last_scheduled_ns
SELECT
    outcome, answer, failure, http_status, rpc_code,
    sum(requests)::BIGINT AS requests,
    sum(sent)::BIGINT AS sent,
    min(first_scheduled_ns) AS first_scheduled_ns,
    max(last_scheduled_ns) AS last_scheduled_ns
FROM request_ends
GROUP BY ALL
ORDER BY requests DESC, outcome, answer, failure, http_status, rpc_code
