-- How many attempts did requests cost the providers in a part of the run?
--
-- By whole seconds (the view `attempts_by_second`): those of which some moment is in a window.
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
--
-- sent                      requests
-- attempts
-- attempts_per_request      of the worst second with at least 10 requests; without one, of all; NULL: nothing was sent
SELECT
    coalesce(sum(sent), 0)::BIGINT AS sent,
    coalesce(sum(attempts), 0)::BIGINT AS attempts,
    coalesce(max(attempts / requests) FILTER (requests >= 10), sum(attempts) / nullif(sum(sent), 0))
        AS attempts_per_request
FROM attempts_by_second
SEMI JOIN windows($starts_ns, $ends_ns) ON (second + 1) * 1_000_000_000 > start_ns AND second * 1_000_000_000 < end_ns
