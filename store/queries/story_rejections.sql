-- Which providers were skipped for these requests, because of their breakers?
--
-- $request_ids    which
--
-- all columns of `breaker_rejections`, in the order of time
SELECT * EXCLUDE (segment)
FROM breaker_rejections
WHERE request_id IN (SELECT unnest($request_ids::VARCHAR[]))
ORDER BY at_ns, provider
