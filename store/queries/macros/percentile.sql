-- The exact percentile of all values, where NULL is a value that is never reached and counts as larger than any other. NULL:
-- the percentile itself is never reached, or there are no values.
--
-- value_ns    BIGINT
-- share       0..1: 0.95 for p95
CREATE TEMP MACRO percentile(value_ns, share) AS
    nullif(quantile_disc(coalesce(value_ns, never_ns()), share), never_ns())
