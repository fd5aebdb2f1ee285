-- How many requests took how long, from the moment they were due? Of those that succeeded.
--
-- The bins are equal on a log axis: 10, 20 or 50 to a decade, as many as keep them below about 160. A bin without
-- requests has no row.
--
-- from_ms, to_ms     the bin: from_ms <= latency < to_ms, in milliseconds
-- requests
WITH waits AS (
    SELECT greatest(ended_ns - scheduled_ns, 1) AS took_ns FROM requests WHERE succeeded(outcome)
),
scale AS (
    SELECT
        CASE
            WHEN log10(max(took_ns)) - log10(min(took_ns)) <= 3 THEN 50
            WHEN log10(max(took_ns)) - log10(min(took_ns)) <= 7 THEN 20
            ELSE 10
        END AS bins_per_decade
    FROM waits
),
binned AS (
    SELECT floor(log10(took_ns) * bins_per_decade)::INTEGER AS bin, count(*) AS requests
    FROM waits, scale
    GROUP BY bin
)
SELECT
    milliseconds(10 ** (bin / bins_per_decade)) AS from_ms,
    milliseconds(10 ** ((bin + 1) / bins_per_decade)) AS to_ms,
    requests
FROM binned, scale
ORDER BY bin
