-- Which attempts did the embedded gateway make for these requests?
--
-- $request_ids    which
--
-- all columns of `gateway_attempts`, in the order of starting
SELECT * EXCLUDE (segment)
FROM gateway_attempts
WHERE request_id IN (SELECT unnest($request_ids::VARCHAR[]))
ORDER BY started_ns, attempt
