-- Which gaps did the gateway find in its subscriptions, how long were they, and were they filled?
--
-- No row without: gap_fills
--
-- A row per fault, kind of subscription and reason. A gap belongs to the latest fault that had begun by then at the
-- provider that was left.
--
-- fault_id          NULL: no fault had begun there
-- kind              of the subscription
-- reason            'failover', 'missed' or 'reorg'
-- gaps
-- filled_gaps       of them were filled whole, or turned out to miss nothing
-- partly_gaps, failed_gaps
-- heights           blocks missing, over all gaps whose length is known
-- heights_max       in one gap; NULL: of none the length is known
-- found             notifications found for them
-- took_max_ns       from finding a gap to being done with it
WITH begun AS (
    SELECT fault_id, any_value(target) AS target, min(at_ns) AS started_ns
    FROM faults
    WHERE phase = 'applied'
    GROUP BY fault_id
),
lengths AS (
    SELECT *, last_number - first_number + 1 AS heights FROM gap_fills
)
SELECT
    fault_id, kind, reason,
    count(*) AS gaps,
    count(*) FILTER (outcome IN ('filled', 'nothing_missing')) AS filled_gaps,
    count(*) FILTER (outcome = 'partly') AS partly_gaps,
    count(*) FILTER (outcome = 'failed') AS failed_gaps,
    coalesce(sum(heights), 0)::BIGINT AS heights,
    max(heights) AS heights_max,
    sum(filled)::BIGINT AS found,
    max(ended_ns - began_ns) AS took_max_ns
FROM lengths
ASOF LEFT JOIN begun ON lengths.from_provider = begun.target AND lengths.began_ns >= begun.started_ns
GROUP BY fault_id, kind, reason
ORDER BY min(began_ns), fault_id, kind, reason
