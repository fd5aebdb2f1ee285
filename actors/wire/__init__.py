"""What actors say to one another on the wire: HTTP/1.1, JSON-RPC 2.0, and the trail a request leaves."""
