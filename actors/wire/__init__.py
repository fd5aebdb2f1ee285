"""What actors say to one another on the wire: HTTP/1.1, WebSocket, JSON-RPC 2.0, and the trail a request leaves.

`faults` is what can happen to it on the way.
"""
