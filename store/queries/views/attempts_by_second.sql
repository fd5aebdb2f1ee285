-- How many attempts did the providers see in each second, and for how many requests?
--
-- A second's requests are those sent in it or, if they are more, those under way when it began: attempts that go on
-- after a burst of requests are for that burst. A batch counts as its calls where providers tell, who see each call.
--
-- second        whole seconds since the run's epoch
-- source        'gateway' or 'providers': whose attempts these are; NULL: there were none
-- sent          requests sent in it
-- requests      its requests
-- attempts      begun in it for requests of clients
-- failed        of them did not end ok
CREATE VIEW attempts_by_second AS
WITH batches AS (
    SELECT workload ->> 'name' AS workload, try_cast(workload ->> 'batch' AS BIGINT) AS calls
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
),
tried_by_second AS (
    SELECT
        cell // 10 AS second, any_value(source) AS source, sum(tried)::BIGINT AS attempts,
        coalesce(sum(tried) FILTER (NOT ok), 0)::BIGINT AS failed
    FROM (
        -- A gateway knows for whom it asks; through one that says nothing an id may have got lost.
        SELECT *, if(source = 'gateway', of_clients, attempts) AS tried FROM attempt_cells
    )
    WHERE tried > 0
    GROUP BY second
),
moves AS (
    SELECT
        sent_ns // 1_000_000_000 AS sent_second, ended_ns // 1_000_000_000 AS ended_second, workload,
        method = 'batch' AS is_batch, count(*) AS requests
    FROM requests
    WHERE sent_ns IS NOT NULL
    GROUP BY ALL
),
weighed AS (
    SELECT
        sent_second, ended_second,
        requests * if(is_batch AND NOT EXISTS (FROM gateway_attempts), coalesce(calls, 1), 1) AS requests
    FROM moves
    LEFT JOIN batches USING (workload)
),
flow AS (
    SELECT second, sum(came)::BIGINT AS sent, sum(came - went)::BIGINT AS net
    FROM (
        SELECT sent_second AS second, requests AS came, 0 AS went FROM weighed
        UNION ALL
        SELECT ended_second, 0, requests FROM weighed
        UNION ALL
        SELECT second, 0, 0 FROM tried_by_second
    )
    GROUP BY second
)
SELECT
    second, source, sent,
    greatest(sent, coalesce(sum(net) OVER (ORDER BY second ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::BIGINT
        AS requests,
    coalesce(attempts, 0) AS attempts,
    coalesce(failed, 0)::BIGINT AS failed
FROM flow
LEFT JOIN tried_by_second USING (second)
