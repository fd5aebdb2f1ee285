-- How many stale answers could no gateway have avoided in a part of the run? The view `unavoidable_stale`, counted.
--
-- $starts_ns, $ends_ns      the windows in which the request was due or the notification came; they do not overlap
-- $workload, $method        only of these; NULL: of all
--
-- answers
WITH windows AS (
    SELECT unnest($starts_ns::BIGINT[]) AS start_ns, unnest($ends_ns::BIGINT[]) AS end_ns
)
SELECT count(*) AS answers
FROM unavoidable_stale
SEMI JOIN windows ON coalesce(scheduled_ns, at_ns) >= start_ns AND coalesce(scheduled_ns, at_ns) < end_ns
WHERE ($workload::VARCHAR IS NULL OR workload = $workload::VARCHAR)
    AND ($method::VARCHAR IS NULL OR method = $method::VARCHAR)
