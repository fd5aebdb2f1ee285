-- How many attempts did the clients' requests cost the providers, and was there a retry storm?
--
-- In a storm most attempts fail, and each failure makes more of them. A second is part of one when more than half of
-- the attempts for its requests failed, and for each request there were more than $bound (the view `attempts_by_second`).
-- Seconds with fewer than 10 requests say nothing.
--
-- $bound      attempts per request
-- $limit      how many seconds are listed at most
--
-- source                    'gateway' or 'providers': whose attempts these are; NULL: nobody logged any
-- requests, attempts        over the whole run; requests that were sent, attempts for requests of clients
-- attempts_per_request      NULL: no request was sent
-- worst_attempts_per_request      in one second, whatever failed; NULL: no second had enough requests
-- storm_seconds             how many seconds were part of a storm
-- storm                     a list of (second, requests, attempts, failed), in the order of time
WITH by_second AS MATERIALIZED (
    FROM attempts_by_second
),
busy AS (
    SELECT *, attempts > $bound * requests AND failed > 0.5 * attempts AS is_storm
    FROM by_second
    WHERE requests >= 10
),
seconds AS (
    SELECT
        max(attempts / requests) AS worst_attempts_per_request,
        count(*) FILTER (is_storm) AS storm_seconds,
        coalesce(list({second: second, requests: requests, attempts: attempts, failed: failed} ORDER BY second)
                 FILTER (is_storm), [])[:$limit] AS storm
    FROM busy
),
totals AS (
    SELECT
        any_value(source) AS source, coalesce(sum(sent), 0)::BIGINT AS requests,
        coalesce(sum(attempts), 0)::BIGINT AS attempts
    FROM by_second
)
SELECT
    source, requests, attempts, attempts / nullif(requests, 0) AS attempts_per_request,
    worst_attempts_per_request, storm_seconds, storm
FROM totals, seconds
