-- How did the requests of each workload end, and what were the answers and notifications worth?
--
-- workload
-- requests, ok
-- notifications
-- checked, wrong, stale      answers to requests, and notifications, compared with the chain model
SELECT
    workload,
    sum(requests)::BIGINT AS requests,
    sum(ok)::BIGINT AS ok,
    sum(notifications)::BIGINT AS notifications,
    sum(checked)::BIGINT AS checked,
    sum(wrong)::BIGINT AS wrong,
    sum(stale)::BIGINT AS stale
FROM (
    SELECT
        workload, count(*) AS requests, count(*) FILTER (outcome = 'ok') AS ok, 0 AS notifications,
        count(*) FILTER (answer <> 'none') AS checked,
        count(*) FILTER (answer = 'wrong') AS wrong, count(*) FILTER (answer = 'stale') AS stale
    FROM requests
    GROUP BY workload
    UNION ALL
    SELECT
        workload, 0, 0, count(*), count(*) FILTER (answer <> 'none'), count(*) FILTER (answer = 'wrong'), count(*) FILTER (answer = 'stale')
    FROM notifications
    GROUP BY workload
)
GROUP BY workload
ORDER BY workload
