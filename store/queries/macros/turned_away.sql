-- Whether a request was not sent because the gateway refused the connection or its upgrade to WebSocket: the load
-- generator was in time.
--
-- failure     of the request; NULL gives NULL
CREATE TEMP MACRO turned_away(failure) AS failure IN ('refused', 'no_websocket')
