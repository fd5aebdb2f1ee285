"""What the gateway decides: which provider, whether to retry, what an answer means, when a breaker opens."""
