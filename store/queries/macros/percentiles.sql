-- Several exact percentiles at once, for the price of one: each as the macro `percentile` has it, in a list.
--
-- value_ns    BIGINT
-- shares      a list, such as [0.5, 0.95, 0.99]
CREATE TEMP MACRO percentiles(value_ns, shares) AS
    list_transform(
        quantile_disc(coalesce(value_ns, never_ns()), shares), lambda found_ns: nullif(found_ns, never_ns())
    )
