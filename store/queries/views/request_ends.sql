-- How did the requests of each workload end, what were the answers worth, and what went wrong?
--
-- A row per combination that occurred.
--
-- workload
-- outcome     'ok', 'error' or 'unknown'
-- answer      'right', 'wrong', 'stale' or 'none'
-- failure     NULL when nothing went wrong
-- http_status, rpc_code      NULL when there was none
-- requests
-- sent        of them left the generator
-- first_scheduled_ns, last_scheduled_ns
CREATE VIEW request_ends AS
SELECT
    workload, outcome, answer, failure, http_status, rpc_code,
    count(*) AS requests,
    count(sent_ns) AS sent,
    min(scheduled_ns) AS first_scheduled_ns,
    max(scheduled_ns) AS last_scheduled_ns
FROM requests
GROUP BY ALL
