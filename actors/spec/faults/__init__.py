"""The fault catalogue: what can go wrong, with which parameters, at whom, and when. Pure.

A fault is data, and says itself how it comes about: what it does to a node, a request, a chunk or a head. The
injector and the nodes do it.

`process`, `behaviour`, `transport` and `websocket` hold one struct per fault, `kinds` those with a file each;
`schedule` says when and to whom they happen, and `timeline` expands a plan to the faults of one run.
"""
