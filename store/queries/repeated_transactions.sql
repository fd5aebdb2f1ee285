-- Which requests to send a transaction did providers take more than once?
--
-- $limit      how many are listed at most
--
-- requests         how many were taken more than once
-- request_ids      the first of them
SELECT count(*) AS requests, coalesce(list(request_id ORDER BY request_id), [])[:$limit] AS request_ids
FROM (
    SELECT request_id
    FROM attempts
    WHERE method IN ('eth_sendRawTransaction', 'eth_sendTransaction') AND outcome = 'ok' AND request_id IS NOT NULL
    GROUP BY request_id
    HAVING count(*) > 1
)
