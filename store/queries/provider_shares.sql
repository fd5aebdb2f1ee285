-- Who did the work, and how well?
--
-- Attempts are the gateway's own when it reports them, else those the providers served.
--
-- provider
-- source        'gateway' or 'providers': whose attempts these are
-- attempts
-- failed        of them did not succeed
-- share_ratio   of all attempts
-- mean_ns       duration of those that succeeded; NULL when none did
SELECT
    provider, source,
    sum(attempts)::BIGINT AS attempts,
    coalesce(sum(attempts) FILTER (NOT ok), 0)::BIGINT AS failed,
    sum(attempts) / sum(sum(attempts)) OVER () AS share_ratio,
    round(sum(took_ns) FILTER (ok) / sum(attempts) FILTER (ok))::BIGINT AS mean_ns
FROM attempt_cells
GROUP BY provider, source
ORDER BY provider
