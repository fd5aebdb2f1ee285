-- What did the clients see of these requests?
--
-- $request_ids    which
--
-- all columns of `requests`, and the node that sent it
SELECT requests.* EXCLUDE (segment), node
FROM requests
LEFT JOIN segments USING (segment)
WHERE request_id IN (SELECT unnest($request_ids::VARCHAR[]))
