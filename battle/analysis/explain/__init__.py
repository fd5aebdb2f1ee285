"""The story of one request: what workload, gateway, breakers, faults and providers did with it, in order, with times.

`selection` finds requests that are worth a story, `reader` asks the log for all that may matter to them (`history`),
`story` arranges the rows, `lines` says them for a terminal. Only `selection` and `reader` do I/O, and they see the
log alone.
"""
