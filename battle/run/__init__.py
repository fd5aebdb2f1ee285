"""One run from its plan to its sealed log.

The directory with `run.json`, the tree of nodes, the phases of the load, progress and signals. It judges nothing.
"""
