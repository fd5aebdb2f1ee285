-- Is the log whole? A row per segment, that is per incarnation of a node.
--
-- segment, node, incarnation
-- events              readable
-- lost_events         no write could save them
-- torn_bytes          an unfinished end, skipped
-- damaged_blocks      left out because their checksum does not hold
-- unverified_events   kept, but no checksum vouches for them
-- unknown_events      of types this version has no table for
-- closed              whether its writer ended in order
-- fault_killed        whether a fault of the chaos plan killed this incarnation
SELECT
    segment, node, incarnation, events, lost_events, torn_bytes, damaged_blocks, unverified_events,
    unknown_events, closed,
    EXISTS (
        FROM actor_lifecycle AS life
        WHERE life.node = segments.node AND life.incarnation = segments.incarnation
            AND change = 'crashed' AND contains(reason, '(fault ')
    ) AS fault_killed
FROM segments
ORDER BY node, incarnation
