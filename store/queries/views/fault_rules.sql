-- What must the log show of a fault for it to have had its effect, by its kind?
--
-- A row per kind of the fault catalogue, made from its class by `make pages`. A kind that is not here had no effect
-- whatever the log shows: nobody has said what its effect would be.
--
-- kind
-- signs              one of these must be in the fault's evidence (the view `fault_windows` says what they mean)
-- must_be_noticed    whether somebody must have noticed as well, because it could otherwise happen to an idle
--                    provider: the evidence then needs 'failed_attempts', 'stalled_attempts', 'breaker_changes',
--                    'traffic_ceased', 'lost_connections', 'silent_subscriptions' or 'clients_failed' beside it
-- cuts_off           whether requests may not arrive at the target meanwhile: what does not arrive is in no provider's log,
--                    and a provider that logs nothing is no proof that nobody asked it
-- makes_stale        whether a provider under it gives true answers about heads that are no longer the newest, or of
--                    another branch: a sound gateway may then pass some of them on
-- silences           whether a provider under it gives no answer at all
-- changes_answers    whether a provider under it may say what is not true, or what cannot be read
CREATE VIEW fault_rules AS
SELECT *
FROM (VALUES
    -- What happens to a process is logged by who did it; that it mattered, by who had to do with the process.
    ('kill', ['killed', 'kept_down'], true, true, false, true, false),
    ('flap', ['killed', 'kept_down'], true, true, false, true, false),
    ('restart', ['stopped', 'killed', 'kept_down'], true, true, false, true, false),
    ('pause', ['paused'], true, true, false, true, false),
    -- A provider that behaves badly says so with each attempt; where heads depend on it, with each head.
    ('degrade', ['tagged_attempts', 'tagged_subscriptions'], false, false, false, false, false),
    ('error_rate', ['tagged_attempts', 'tagged_subscriptions'], false, false, false, false, false),
    ('rate_limit', ['tagged_attempts'], false, false, false, false, false),
    ('hang', ['tagged_attempts'], false, false, false, false, false),
    ('malformed', ['tagged_attempts'], false, false, false, false, true),
    ('truncated', ['tagged_attempts'], false, false, false, false, true),
    ('stale_head', ['tagged_attempts', 'tagged_heads', 'acted'], false, false, true, false, true),
    ('reorg', ['tagged_attempts', 'tagged_heads', 'acted'], false, false, true, false, true),
    ('wrong_chain', ['tagged_attempts', 'tagged_heads', 'acted'], false, false, true, false, true),
    ('missing_data', ['tagged_attempts'], false, false, false, false, true),
    ('wrong_answer', ['tagged_attempts'], false, false, false, false, true),
    -- The stream wrapper says what it did to each connection, but nobody accepts one that is refused.
    ('latency', ['acted'], false, false, false, false, false),
    ('jitter', ['acted'], false, false, false, false, false),
    ('bandwidth', ['acted'], false, false, false, false, false),
    ('slow_close', ['acted'], false, false, false, false, false),
    ('timeout', ['acted'], false, true, false, true, false),
    ('reset_peer', ['acted'], false, true, false, false, false),
    ('slicer', ['acted'], false, false, false, false, false),
    ('limit_data', ['acted'], false, true, false, false, false),
    ('refuse', ['refused_attempts', 'traffic_ceased', 'clients_failed'], false, true, false, true, false),
    ('partition', ['acted'], false, true, false, true, false),
    -- WebSocket: on the connection, or in the very rows of the subscriptions and heads it changed.
    ('drop_connections', ['acted', 'tagged_subscriptions'], false, false, false, false, false),
    ('silent_stall', ['acted', 'tagged_heads'], false, false, false, false, false),
    ('miss_heads', ['acted', 'tagged_heads'], false, false, false, false, false),
    ('duplicate_heads', ['acted', 'tagged_heads'], false, false, false, false, false),
    ('reorder_heads', ['acted', 'tagged_heads'], false, false, false, false, false),
    ('refuse_subscriptions', ['acted', 'tagged_subscriptions'], false, false, false, false, false),
    ('ignore_pings', ['acted'], false, false, false, false, false),
    ('ahead_head', ['tagged_attempts', 'tagged_heads', 'acted'], false, false, true, false, true),
    ('chain_halt', ['acted'], false, false, false, false, false),
    ('slow_chain', ['acted'], false, false, false, false, false)
) AS rules (kind, signs, must_be_noticed, cuts_off, makes_stale, silences, changes_answers)
