"""Load over WebSocket: clients that reconnect, requests over open connections, and subscribers with their oracle."""
