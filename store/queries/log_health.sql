-- Is the log whole? A row per segment, that is per incarnation of a node: of those that are there, and of those that
-- the coordinator's log mentions and that are missing.
--
-- segment, node, incarnation
-- present             whether the segment is there
-- expected            whether the coordinator's log mentions this incarnation; of the coordinator itself, true
-- opened_as           whose segment it is by its own first block; NULL: that is missing
-- stray               whether its first block names another run than the coordinator's does
-- events              readable
-- bytes               how large it is
-- expected_bytes      how large it was when its node had ended, by the coordinator's log; NULL: it does not say
-- lost_events         no write could save them
-- missing_events      later trailers count them, and they are not there, or damaged
-- missing_bytes       the same in bytes
-- torn_bytes          an unfinished end, skipped
-- damaged_blocks      left out because their checksum does not hold, or their place is another
-- unverified_events   kept, but no checksum vouches for them
-- unknown_events      of types this version has no table for
-- closed              whether its writer ended in order
-- fault_killed        whether a fault of the chaos plan killed this incarnation
WITH
    coordinator AS (SELECT 'coordinator' AS node, 1 AS incarnation),
    lives AS (
        SELECT
            node, incarnation,
            coalesce(bool_or(segment_bytes IS NOT NULL), false) AS has_segment,
            max(segment_bytes) FILTER (change IN ('crashed', 'stopped')) AS expected_bytes,
            coalesce(bool_or(change = 'crashed' AND contains(reason, '(fault ')), false) AS fault_killed
        FROM actor_lifecycle
        WHERE actor = node
        GROUP BY node, incarnation
        UNION ALL
        SELECT node, incarnation, true, NULL, false FROM coordinator
    ),
    own AS (SELECT run FROM segments JOIN coordinator USING (node, incarnation))
SELECT
    coalesce(segment, concat(node, '.', incarnation)) AS segment, node, incarnation,
    segment IS NOT NULL AS present,
    lives.node IS NOT NULL AS expected,
    opened_as,
    coalesce(segments.run <> (FROM own), false) AS stray,
    coalesce(events, 0) AS events,
    coalesce(bytes, 0) AS bytes,
    expected_bytes,
    coalesce(lost_events, 0) AS lost_events,
    coalesce(missing_events, 0) AS missing_events,
    coalesce(missing_bytes, 0) AS missing_bytes,
    coalesce(torn_bytes, 0) AS torn_bytes,
    coalesce(damaged_blocks, 0) AS damaged_blocks,
    coalesce(unverified_events, 0) AS unverified_events,
    coalesce(unknown_events, 0) AS unknown_events,
    coalesce(closed, false) AS closed,
    coalesce(fault_killed, false) AS fault_killed
FROM segments
FULL JOIN lives USING (node, incarnation)
WHERE segment IS NOT NULL OR has_segment
ORDER BY node, incarnation
