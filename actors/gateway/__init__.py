"""The embedded gateway: spreads JSON-RPC calls over providers and survives their failures.

The decisions are pure: `breaker`, `benchmark`, `select`, `classify`, `retry`, `inquiry`, `replies`.
The shell around them: `guard` (a breaker in a world), `pool`, `upstream`, `attempt`, `call`,
`record`, `server`.
"""
