"""The embedded gateway: spreads JSON-RPC calls over providers and survives their failures.

The decisions are pure: `breaker`, `benchmark`, `select`, `classify`, `retry`, `inquiry`, `replies`; for
subscriptions `continuity`, `gaps`, `topics`, `ws_words`, `fill_words`.

The shell around them, for calls: `guard` (a breaker in a world), `pool`, `upstream`, `attempt`, `call`, `record`,
`server`. For subscriptions, from the client to the provider: `ws_client`, `hub` (all streams), `ws_stream` (one
shared stream), `ws_upstream` (a provider), `ws_connection` (a connection to it, with `ws_feed` and
`ws_questions`), and `fill` (what was missed, over HTTP).
"""
