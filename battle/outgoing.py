"""Requests to other people's services: timeouts, retries, proxies, and no secret in any message."""
