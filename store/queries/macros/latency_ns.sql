-- How long a request took to be answered; NULL when it had no good answer, for then it never was.
--
-- outcome     of the request
-- from_ns     scheduled_ns, the moment it was due; or sent_ns
-- ended_ns    of the request
CREATE TEMP MACRO latency_ns(outcome, from_ns, ended_ns) AS if(succeeded(outcome), ended_ns - from_ns, NULL)
