-- When were circuit breakers open or half open? The view `breaker_windows`, in the order of time.
--
-- No row without: breaker_changes
--
-- $limit      how many rows at most
SELECT *
FROM breaker_windows
ORDER BY started_ns, provider, transport, outage, state
LIMIT $limit
