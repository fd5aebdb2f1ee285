-- Which facts of their chain that cannot change did real providers contradict each other about, or themselves?
--
-- No row without: chain_facts
--
-- $limit        how many are listed at most
--
-- subject       what it is about: the contents of a block, a receipt, the chain's id
-- said          [{provider, value, request_id}] who first said each value, in the order of time
-- contradicted  how many there are, listed or not
SELECT
    subject,
    list({'provider': provider, 'value': value, 'request_id': request_id} ORDER BY at_ns) AS said,
    count(*) OVER () AS contradicted
FROM (
    SELECT
        subject,
        value,
        min(at_ns) AS at_ns,
        arg_min(provider, at_ns) AS provider,
        any_value(request_id ORDER BY at_ns) AS request_id
    FROM chain_facts
    WHERE is_final
    GROUP BY subject, value
)
GROUP BY subject
HAVING count(*) > 1
ORDER BY min(at_ns), subject
LIMIT $limit
