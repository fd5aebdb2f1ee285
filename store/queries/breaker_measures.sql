-- How often did circuit breakers change in a part of the run?
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
--
-- changes                   NULL: the gateway does not report its breakers
SELECT if((SELECT breakers FROM gateway_reports), count(*), NULL) AS changes
FROM breaker_changes
SEMI JOIN windows($starts_ns, $ends_ns) ON at_ns >= start_ns AND at_ns < end_ns
