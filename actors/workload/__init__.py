"""The load: `generator` plays one shard of a workload over `http` or `ws`; `requests` is what both are made of."""
