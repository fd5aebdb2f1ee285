-- To how many providers was each transaction of the clients sent? Batches are left out: their calls share one id.
--
-- $limit      how many are listed at most
--
-- transactions     requests to send one
-- failed           of them did not succeed
-- seen             of them reached a provider, as far as ids show
-- sent_again       of them reached providers more than once: resent after a failure, hedged, or broadcast
-- taken_again      of these, the ones that providers took more than once
-- not_resent       failed, and had reached one provider, once
-- first_sent_again, first_not_resent      some of these
WITH asked AS (
    SELECT request_id, outcome
    FROM requests
    WHERE method IN ('eth_sendRawTransaction', 'eth_sendTransaction')
),
served AS (
    SELECT request_id, count(*) AS times, count(*) FILTER (outcome = 'ok') AS taken
    FROM attempts
    WHERE method IN ('eth_sendRawTransaction', 'eth_sendTransaction')
    GROUP BY request_id
),
followed AS (
    SELECT request_id, outcome <> 'ok' AS failed, coalesce(times, 0) AS times, coalesce(taken, 0) AS taken
    FROM asked
    LEFT JOIN served USING (request_id)
)
SELECT
    count(*) AS transactions,
    count(*) FILTER (failed) AS failed,
    count(*) FILTER (times > 0) AS seen,
    count(*) FILTER (times > 1) AS sent_again,
    count(*) FILTER (taken > 1) AS taken_again,
    count(*) FILTER (failed AND times = 1) AS not_resent,
    coalesce(list(request_id ORDER BY request_id) FILTER (times > 1), [])[:$limit] AS first_sent_again,
    coalesce(list(request_id ORDER BY request_id) FILTER (failed AND times = 1), [])[:$limit] AS first_not_resent
FROM followed
