"""The fault catalogue as data: what can go wrong, with which parameters, at whom, and when.

`process`, `behaviour`, `transport` and `websocket` hold one struct per fault; `schedule` says when and to whom
they happen; `imposing` is how nodes are told of those that they themselves must carry out.
"""
