"""The mock provider: answers JSON-RPC from the deterministic chain, as its settings and the faults in force say."""
