-- Several percentiles of the latency of all requests, for the price of one: each as the macro `latency_percentile` has
-- it, in a list.
--
-- outcome     of the request
-- from_ns     scheduled_ns, the moment it was due; or sent_ns
-- ended_ns    of the request
-- shares      a list, such as [0.5, 0.95, 0.99]
CREATE TEMP MACRO latency_percentiles(outcome, from_ns, ended_ns, shares) AS
    list_transform(
        -- Ranked where no value is NULL, which takes two thirds of the time.
        quantile_disc(if(succeeded(outcome), ended_ns - from_ns, never_ns()), shares),
        lambda found_ns: nullif(found_ns, never_ns())
    )
