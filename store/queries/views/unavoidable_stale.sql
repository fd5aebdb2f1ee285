-- Which stale answers could no gateway have avoided, because no provider had anything newer to give?
--
-- A row per stale answer to a request, and per stale notification, during which, at some moment, that held (the view
-- `nothing_newer`): whoever stops the whole chain so has not found a fault of the gateway's.
--
-- at_ns         when it came
-- scheduled_ns  when the request was due; NULL: a notification
-- workload
-- method        NULL: a notification
CREATE VIEW unavoidable_stale AS
WITH stale AS (
    SELECT coalesce(sent_ns, scheduled_ns) AS from_ns, ended_ns AS at_ns, scheduled_ns, workload, method
    FROM requests
    WHERE answer = 'stale'
    UNION ALL
    SELECT at_ns, at_ns, NULL, workload, NULL
    FROM notifications
    WHERE answer = 'stale'
)
SELECT at_ns, scheduled_ns, workload, method
FROM stale
WHERE EXISTS (FROM nothing_newer WHERE nothing_newer.from_ns <= stale.at_ns AND nothing_newer.to_ns > stale.from_ns)
