-- How much memory did the gateway hold at most in a part of the run?
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
--
-- rss_max_bytes             NULL: it was not sampled then
SELECT max(rss_bytes) AS rss_max_bytes
FROM system_samples
SEMI JOIN windows($starts_ns, $ends_ns) ON at_ns >= start_ns AND at_ns < end_ns
WHERE node = 'gateway'
