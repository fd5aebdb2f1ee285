"""WebSocket (RFC 6455): frames and handshake without I/O, one connection, and how to accept or open it."""
