-- Within what time was which share of the requests answered, far into the tail?
--
-- Exact, over all requests; one that did not succeed counts as longer than any. A share is asked for only where the
-- run has at least one request beyond it.
--
-- clock          'due': from the moment a request was due; 'sent': from the moment it was sent
-- percentile     0..100; ten to each factor of ten down to one request in 100,000, and the median
-- nines          -log10(1 - percentile / 100): 1 is 90 %, 2 is 99 %, 3 is 99.9 %
-- latency_ms     in milliseconds; NULL: never, because more than the rest was not answered
-- The last step is the median.
WITH ranked AS (
    SELECT
        count(*) AS requests,
        latency_percentiles(
            outcome, scheduled_ns, ended_ns,
            list_transform(range(52), lambda step: 1 - if(step = 51, 0.5, 10 ** (-step / 10)))
        ) AS due,
        latency_percentiles(
            outcome, sent_ns, ended_ns,
            list_transform(range(52), lambda step: 1 - if(step = 51, 0.5, 10 ** (-step / 10)))
        ) AS sent
    FROM requests
),
steps AS (
    SELECT requests, if(step = 51, 0.5, 10 ** (-step / 10)) AS beyond, due[step + 1] AS due, sent[step + 1] AS sent
    FROM ranked, unnest(range(52)) AS steps (step)
)
SELECT
    clock,
    round(100 * (1 - beyond), 6) AS percentile,
    round(abs(log10(beyond)), 4) AS nines,
    milliseconds(if(clock = 'due', due, sent)) AS latency_ms
FROM steps, unnest(['due', 'sent']) AS clocks (clock)
WHERE requests * beyond >= 1
ORDER BY clock, beyond DESC
