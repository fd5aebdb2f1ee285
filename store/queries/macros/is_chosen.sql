-- Whether a value is the one that is asked for, or none is.
--
-- value       such as a workload
-- wanted      NULL: any
CREATE TEMP MACRO is_chosen(value, wanted) AS wanted::VARCHAR IS NULL OR value = wanted::VARCHAR
