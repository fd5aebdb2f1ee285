-- What did the run measure of all that an SLO can limit? The view `slo`.
SELECT metric, value, measured
FROM slo
