"""The embedded gateway: spreads JSON-RPC calls over providers and survives their failures.

`server` takes clients; `policy` decides, `calls` proxies requests, `subscriptions` shares upstream subscriptions.
"""
