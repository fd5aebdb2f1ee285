-- A percentile of the latency of all requests: the time within which that share of them had a good answer. One without a
-- good answer counts as never answered. NULL: never, because more than the rest had none; or there are no requests.
--
-- outcome     of the request
-- from_ns     scheduled_ns, the moment it was due; or sent_ns
-- ended_ns    of the request
-- share       0..1: 0.95 for p95
CREATE TEMP MACRO latency_percentile(outcome, from_ns, ended_ns, share) AS
    latency_percentiles(outcome, from_ns, ended_ns, [share])[1]
