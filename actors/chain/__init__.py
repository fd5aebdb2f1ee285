"""The deterministic chain: every answer is a pure function of (chain, method, parameters, head).

A provider answers from it and the load generator checks against it, so a wrong answer cannot hide.
"""
