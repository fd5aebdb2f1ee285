"""The story of one request: what workload, gateway, breakers, faults and providers did with it, in order, with times.

`reading` asks the log, `story` arranges the rows, `lines` says them for a terminal. Only `reading` and `picking` do
I/O, and they see the log alone.
"""
