"""The TCP link: bytes between whoever calls a real upstream and the upstream, under the transport faults."""
