-- Whether a request had a good answer.
--
-- outcome     of the request: 'ok', 'error' or 'unknown'
CREATE TEMP MACRO succeeded(outcome) AS outcome = 'ok'
