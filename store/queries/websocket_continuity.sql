-- Did the clients of each workload get every head, once, and in order?
--
-- No row without: subscriptions
--
-- A row per workload that subscribed to heads: the view `head_continuity`, added up.
--
-- $limit      how many of the worst subscriptions are listed at most
--
-- workload
-- subscriptions      of clients, to heads
-- interrupted        of them ended with their connection, before their time
-- due, received, missed, duplicated, out_of_order, went_back, reorged, parent_breaks      sums
-- longest_silence_ns, delay_max_ns, blocks_behind_max      the worst of all
-- heights            how many heights the log knows of; 0: what was due is not known
-- worst              a list of (segment, connection, subscription, missed, duplicated, out_of_order, went_back) of
--                    the subscriptions for which anything of that is above 0, the worst first
SELECT
    workload,
    count(*) AS subscriptions,
    count(*) FILTER (interrupted) AS interrupted,
    sum(due)::BIGINT AS due,
    sum(received)::BIGINT AS received,
    sum(missed)::BIGINT AS missed,
    sum(duplicated)::BIGINT AS duplicated,
    sum(out_of_order)::BIGINT AS out_of_order,
    sum(went_back)::BIGINT AS went_back,
    sum(reorged)::BIGINT AS reorged,
    sum(parent_breaks)::BIGINT AS parent_breaks,
    max(longest_silence_ns) AS longest_silence_ns,
    max(delay_max_ns) AS delay_max_ns,
    max(blocks_behind_max) AS blocks_behind_max,
    (SELECT count(*) FROM chain_heights) AS heights,
    coalesce(arg_max(
        {segment: segment, connection: connection, subscription: subscription, missed: missed,
         duplicated: duplicated, out_of_order: out_of_order, went_back: went_back},
        (missed + duplicated + out_of_order + went_back, segment, connection, subscription),
        $limit
    ) FILTER (missed + duplicated + out_of_order + went_back > 0), []) AS worst
FROM head_continuity
GROUP BY workload
ORDER BY workload
