-- The windows of time that two lists are, each once for each second of it: a moment is looked for among the windows of its
-- second, which costs the same however many windows there are. A table of start_ns, end_ns and second.
--
-- starts_ns   a list
-- ends_ns     a list as long
-- last_ns     the last moment that is looked for
CREATE TEMP MACRO window_seconds(starts_ns, ends_ns, last_ns) AS TABLE
    SELECT *, unnest(range(second_of(start_ns), second_of(least(end_ns, last_ns)) + 1)) AS second
    FROM windows(starts_ns, ends_ns)
