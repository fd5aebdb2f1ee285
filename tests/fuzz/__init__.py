"""What strangers send: malformed HTTP, WebSocket frames and JSON-RPC, at the real roles.

`http_inputs`, `rpc_inputs` and `ws_inputs` make inputs out of valid messages, each from a seed of its own;
`hearing` reads what comes back by the rules; `stage` plays inputs at a node and judges.
"""
