"""Transport faults on a node's connections.

`lane` decides what happens to the bytes of one direction, `stream` moves them, and `node_faults` applies faults to
all connections of a node.
"""
