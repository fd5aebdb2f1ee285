"""The fault catalogue as data: what can go wrong, with which parameters, at whom, and when.

`process`, `behaviour`, `transport` and `websocket` hold one struct per fault; `schedule` says when and to whom
they happen, and `timeline` expands a plan to the faults of one run.
"""
