-- Did the requests of a gateway that runs elsewhere reach the providers at all? No row: it does not run elsewhere, or
-- some provider is a real one, which logs nothing.
--
-- attempts     requests that providers received
-- connections  WebSocket connections that providers accepted
-- sent         requests that clients sent, and WebSocket connections that they opened
-- addresses    where the providers listened, in words; NULL: the log does not say
SELECT
    (SELECT count(*) FROM attempts) AS attempts,
    (SELECT count(*) FROM subscriptions WHERE side = 'provider' AND change = 'connected') AS connections,
    (SELECT count(*) FROM requests WHERE sent_ns IS NOT NULL)
        + (SELECT count(*) FROM subscriptions WHERE side = 'client' AND change = 'connected') AS sent,
    (SELECT detail FROM run_phases WHERE phase = 'started' ORDER BY at_ns LIMIT 1) AS addresses
FROM run
WHERE document ->> '$.scenario.gateway.type' = 'url'
    AND NOT list_contains(json_extract_string(document, '$.scenario.providers[*].type'), 'real')
