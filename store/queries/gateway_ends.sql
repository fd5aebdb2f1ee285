-- When did the gateway's process end in the run, and what became of requests in flight? The view `gateway_ends`, in the
-- order of time.
SELECT *
FROM gateway_ends
ORDER BY begun_ns, incarnation
