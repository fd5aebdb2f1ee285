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
        workload, requests, if(succeeded(outcome), requests, 0) AS ok, 0 AS notifications,
        if(answer <> 'none', requests, 0) AS checked,
        if(answer = 'wrong', requests, 0) AS wrong, if(answer = 'stale', requests, 0) AS stale
    FROM request_ends
    UNION ALL
    SELECT
        workload, 0, 0, count(*), count(*) FILTER (answer <> 'none'), count(*) FILTER (answer = 'wrong'), count(*) FILTER (answer = 'stale')
    FROM notifications
    GROUP BY workload
)
GROUP BY workload
ORDER BY workload
