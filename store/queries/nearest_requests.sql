-- Which requests have an id like this one?
--
-- $request_id    the id that nobody has
-- $limit         how many rows at most
--
-- request_id
SELECT request_id
FROM requests
WHERE abs(length(request_id) - length($request_id::VARCHAR)) <= 2
ORDER BY levenshtein(request_id, $request_id::VARCHAR), length(request_id), request_id
LIMIT $limit
