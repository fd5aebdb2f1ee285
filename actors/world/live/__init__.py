"""The live world: real sockets, real processes, real signals, on this machine's loopback. Start with `run`."""
