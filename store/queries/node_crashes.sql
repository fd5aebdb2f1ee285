-- Which nodes crashed, or had an actor in them crash or give up, and was it a fault's doing?
--
-- node
-- induced        whether a fault of the chaos plan did it
-- bench          whether the machine could not even start it
-- crashes        how often
-- first_at_ns, first_actor, first_reason (NULL: none was given)
SELECT
    node,
    coalesce(contains(reason, '(fault '), false) AS induced,
    coalesce(starts_with(reason, 'NodeNotStarted'), false) AS bench,
    count(*) AS crashes,
    min(at_ns) AS first_at_ns,
    arg_min(actor, (at_ns, actor)) AS first_actor,
    arg_min_null(reason, (at_ns, actor)) AS first_reason
FROM actor_lifecycle
WHERE change IN ('crashed', 'escalated')
GROUP BY ALL
ORDER BY induced, first_at_ns, node
