-- Does the scenario end with a healing phase, and what does it ask for?
--
-- One row, or none.
--
-- duration_ns, within_ns, p95_slack_ns
-- max_success_loss, max_p95_ratio
-- min_requests
-- workload      NULL: each that sends requests
SELECT
    (healing ->> 'duration')::BIGINT AS duration_ns,
    (healing ->> 'within')::BIGINT AS within_ns,
    (healing ->> 'p95_slack')::BIGINT AS p95_slack_ns,
    (healing ->> 'max_success_loss')::DOUBLE AS max_success_loss,
    (healing ->> 'max_p95_ratio')::DOUBLE AS max_p95_ratio,
    (healing ->> 'min_requests')::BIGINT AS min_requests,
    healing ->> 'workload' AS workload
FROM (SELECT document -> '$.scenario.healing' AS healing FROM run)
WHERE json_type(healing) = 'OBJECT'
