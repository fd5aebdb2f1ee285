"""Exports what a log holds to monitoring systems, while the run lasts or afterwards. It only reads the log."""
