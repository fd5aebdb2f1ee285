"""Load over HTTP: the pool of keep-alive connections, and batches."""
