"""One question to the log per file.

A checker is a function from the log and the SLOs to one finding; it imports nothing of the verdict above it.
"""
