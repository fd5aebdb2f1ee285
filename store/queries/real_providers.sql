-- Which providers of the scenario are real ones, whose answers nobody can check, as `run.json` says it?
--
-- provider
SELECT provider ->> 'name' AS provider
FROM (SELECT unnest(json_extract(document, '$.scenario.providers[*]')) AS provider FROM run)
WHERE provider ->> 'type' = 'real'
ORDER BY provider
