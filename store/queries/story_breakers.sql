-- What were the circuit breakers when a moment came, and how did they change from then on?
--
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- at_ns, provider, transport, from_state, to_state, reason    the last change of each breaker before the span, and those in it
SELECT at_ns, provider, transport, from_state, to_state, reason
FROM breaker_changes
WHERE at_ns <= $until_ns
QUALIFY at_ns >= $from_ns
    OR row_number() OVER (PARTITION BY provider, transport, at_ns < $from_ns ORDER BY at_ns DESC) = 1
ORDER BY at_ns, provider, transport
LIMIT $limit
