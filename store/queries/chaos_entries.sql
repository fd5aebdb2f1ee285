-- How many entries has the scenario's chaos plan, as `run.json` says it?
--
-- entries      0 when it has none, or does not say
SELECT coalesce(sum(json_array_length(document, '$.scenario.chaos')), 0)::BIGINT AS entries
FROM run
