-- How did the gateway stop when the run was over?
--
-- No row for a gateway that runs elsewhere, and in a run that did not end.
--
-- at_ns        when its process had ended
-- asked_ns     when it was asked to; NULL: nobody said, as of a gateway of ours
-- forced       whether it had to be ended by SIGKILL
SELECT at_ns, asked_ns, coalesce(forced, false) AS forced
FROM actor_lifecycle
WHERE actor = 'gateway' AND node = 'gateway' AND change = 'stopped'
ORDER BY at_ns DESC
LIMIT 1
