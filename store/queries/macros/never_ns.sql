-- The largest BIGINT: a moment or a duration that is never reached, where NULL would be left out of what is ranked or
-- compared.
CREATE TEMP MACRO never_ns() AS 9_223_372_036_854_775_807
