-- How many stale answers could no gateway have avoided in a part of the run? The view `unavoidable_stale`, counted.
--
-- $starts_ns, $ends_ns      the windows in which the request was due or the notification came; they do not overlap
-- $workload, $method        only of these; NULL: of all
--
-- answers
SELECT count(*) AS answers
FROM unavoidable_stale
SEMI JOIN windows($starts_ns, $ends_ns) ON coalesce(scheduled_ns, at_ns) >= start_ns AND coalesce(scheduled_ns, at_ns) < end_ns
WHERE is_chosen(workload, $workload)
    AND is_chosen(method, $method)
