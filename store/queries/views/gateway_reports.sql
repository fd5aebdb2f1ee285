-- What does the gateway under test report about itself in this log?
--
-- One row. The embedded gateway reports everything that is collected; one that is a command or a URL reports nothing:
-- what only it could know is then unknown (NULL in the other views), not absent. As `run.json` says it; when that does
-- not say, whoever logged anything reports it.
--
-- kind          'embedded', 'command' or 'url'; NULL: `run.json` does not say
-- attempts      whether each attempt it makes is in the log
-- breakers      whether each change of its circuit breakers is
-- streams       whether each change of its WebSocket connections and subscriptions is
CREATE VIEW gateway_reports AS
WITH said AS (
    SELECT
        any_value(document ->> '$.scenario.gateway.type') AS kind,
        any_value(json_extract_string(document, '$.scenario.collect[*]')) AS collected,
        coalesce(any_value(json_exists(document, '$.scenario.collect')), false) AS selects
    FROM run
),
logged AS (
    SELECT
        EXISTS (FROM gateway_attempts) AS attempts,
        EXISTS (FROM breaker_changes) AS breakers,
        EXISTS (FROM subscriptions WHERE side = 'gateway') AS streams
)
SELECT
    kind,
    coalesce(kind = 'embedded' AND (NOT selects OR list_contains(collected, 'requests')), logged.attempts) AS attempts,
    coalesce(
        kind = 'embedded' AND (NOT selects OR list_contains(collected, 'circuit_breaker')),
        logged.breakers OR logged.attempts OR logged.streams
    ) AS breakers,
    coalesce(kind = 'embedded', logged.streams) AS streams
FROM said, logged
