"""One question to the log per file. A file that is added here with a `PlacedChecker` judges every run.

A checker is a function from the log and the SLOs to one finding; it imports nothing of the verdict above it.
"""
