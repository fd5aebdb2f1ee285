-- The windows of time that two lists are: each from a start until before its end. A table of start_ns and end_ns.
--
-- starts_ns   a list
-- ends_ns     a list as long
CREATE TEMP MACRO windows(starts_ns, ends_ns) AS TABLE
    SELECT unnest(starts_ns::BIGINT[]) AS start_ns, unnest(ends_ns::BIGINT[]) AS end_ns
