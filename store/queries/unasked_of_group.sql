-- Which faults at members of a group met a provider that got no request meanwhile, while another member felt it?
--
-- No row without: faults
--
-- A plan aims at a group with "*" or "tag:NAME". A provider that a gateway keeps in reserve gets nothing, and feels
-- nothing. One that was to be killed, stopped, paused or parted was so only if the log says it.
--
-- fault_id, target
-- aimed_at         the group
WITH aims AS (
    SELECT fault_id, kind, planned_ns, parameters ->> '$.aimed_at' AS aimed_at
    FROM faults
    WHERE phase = 'planned' AND parameters ->> '$.aimed_at' IS NOT NULL
),
members AS (
    SELECT aims.*, target, started_ns, ended_ns, effect_observed, failure
    FROM aims
    JOIN fault_windows USING (fault_id)
),
every_attempt AS (
    SELECT provider, received_ns AS began_ns, coalesce(replied_ns, received_ns) AS over_ns FROM attempts
    UNION ALL
    SELECT provider, started_ns, ended_ns FROM gateway_attempts
),
asked AS (
    SELECT DISTINCT members.fault_id
    FROM members
    JOIN every_attempt
        ON provider = target
        AND began_ns < coalesce(members.ended_ns, never_ns())
        AND over_ns >= started_ns
)
SELECT fault_id, target, aimed_at
FROM members AS idle
WHERE NOT effect_observed
    AND started_ns IS NOT NULL
    AND failure IS NULL
    AND fault_id NOT IN (SELECT fault_id FROM asked)
    AND EXISTS (
        FROM members AS other
        WHERE other.effect_observed
            AND (other.kind, other.aimed_at, other.planned_ns) = (idle.kind, idle.aimed_at, idle.planned_ns)
    )
ORDER BY started_ns, fault_id
