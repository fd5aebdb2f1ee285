-- What did the providers see of these requests?
--
-- $request_ids    which; of a batch each call has an id of its own
--
-- all columns of `attempts`, in the order of arriving
SELECT * EXCLUDE (segment)
FROM attempts
WHERE request_id IN (SELECT unnest($request_ids::VARCHAR[]))
ORDER BY received_ns, provider, request_id
