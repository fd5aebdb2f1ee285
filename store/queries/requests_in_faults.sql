-- How many requests were due while each fault held?
--
-- No row without: faults
--
-- A fault that is over at once counts as a second long: what it breaks is felt by the requests after it. One that was
-- never reverted holds to the end of the log.
--
-- fault_id
-- requests
WITH windows AS (
    SELECT
        fault_id, started_ns,
        if(ended_ns IS NULL, until_ns + 1, greatest(ended_ns, started_ns + 1_000_000_000)) AS to_ns
    FROM fault_spans
    WHERE started_ns IS NOT NULL
),
-- Millions of requests find their windows by the second; comparing each with each window takes three times as long.
seconds AS (
    SELECT *, unnest(range(second_of(started_ns), second_of(to_ns - 1) + 1)) AS second FROM windows
),
counted AS (
    SELECT fault_id, count(*) AS requests
    FROM requests
    JOIN seconds ON second_of(scheduled_ns) = second AND scheduled_ns >= started_ns AND scheduled_ns < to_ns
    GROUP BY fault_id
)
SELECT fault_id, coalesce(requests, 0) AS requests
FROM windows
LEFT JOIN counted USING (fault_id)
ORDER BY started_ns, fault_id
