-- How many attempts did the requests of each second cost the providers?
--
-- All attempts for a request belong to the second in which the first of them began, however much later the others came,
-- so a second's attempts are compared with its own requests. A batch counts as its calls where the attempts are the
-- providers', who see each call.
--
-- Attempts without a client's id are the gateway's own business, such as health checks, when it passes the ids of its
-- clients on: when most attempts have one, or half of the requests can be found by theirs. They are not counted then.
--
-- Of a gateway that makes ids of its own they are counted: such an attempt belongs to the second in which it came, and is
-- taken for the first one of a request for as long as that second has requests without any: those sent in it or under
-- way when it began.
--
-- second        whole seconds since the run's epoch
-- source        'gateway' or 'providers': whose attempts these are; NULL: there were none
-- sent          requests sent in it
-- requests      its requests: those of which an attempt is known
-- attempts      for these
-- failed        of them did not succeed
CREATE VIEW attempts_by_second AS
WITH cells AS MATERIALIZED (
    SELECT cell, source, ok, attempts, of_clients FROM attempt_cells
),
ids AS (
    SELECT
        bool_or(source = 'gateway') OR sum(of_clients) >= sum(attempts - of_clients)
            OR 2 * sum(of_clients) >= (SELECT count(*) FROM requests WHERE sent_ns IS NOT NULL) AS passed_on
    FROM cells
),
batches AS (
    SELECT workload ->> 'name' AS workload, try_cast(workload ->> 'batch' AS BIGINT) AS calls
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
),
-- Of what had one attempt alone, that is the first one. What had several is counted apart, attempt by attempt.
repeated AS (
    SELECT
        second_of(first_started_ns) AS second, second_of(started_ns) AS began_second,
        attempt, outcome = 'ok' AS ok, count(*) AS attempts
    FROM repeated_attempts
    GROUP BY ALL
),
counted AS (
    SELECT
        cell // 10 AS second, source, of_clients AS attempts, if(ok, 0, of_clients) AS failed, of_clients AS requests,
        if(passed_on, 0, attempts - of_clients) AS nameless,
        if(ok OR passed_on, 0, attempts - of_clients) AS nameless_failed
    FROM cells, ids
    UNION ALL
    SELECT began_second, NULL, -attempts, if(ok, 0, -attempts), -attempts, 0, 0 FROM repeated
    UNION ALL
    SELECT second, NULL, attempts, if(ok, 0, attempts), if(attempt = 1, attempts, 0), 0, 0 FROM repeated
),
tried_by_second AS (
    SELECT
        second, any_value(source) AS source, sum(attempts) AS attempts, sum(failed) AS failed, sum(requests) AS requests,
        sum(nameless) AS nameless, sum(nameless_failed) AS nameless_failed
    FROM counted
    GROUP BY second
    HAVING sum(attempts) > 0 OR sum(nameless) > 0
),
moves AS (
    SELECT
        second_of(sent_ns) AS sent_second, second_of(ended_ns) AS ended_second, workload,
        method = 'batch' AS is_batch, count(*) AS requests
    FROM requests
    WHERE sent_ns IS NOT NULL
    GROUP BY ALL
),
weighed AS (
    SELECT
        sent_second, ended_second,
        requests * if(is_batch AND NOT (SELECT attempts FROM gateway_reports), coalesce(calls, 1), 1) AS requests
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
),
borne AS (
    SELECT
        second, sent,
        sent + coalesce(sum(net) OVER (ORDER BY second ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS under_way
    FROM flow
)
SELECT
    second, source, sent,
    coalesce(requests + least(nameless, greatest(under_way - requests, 0)), 0)::BIGINT AS requests,
    coalesce(attempts + nameless, 0)::BIGINT AS attempts,
    coalesce(failed + nameless_failed, 0)::BIGINT AS failed
FROM borne
LEFT JOIN tried_by_second USING (second)
