"""Every judged run as one row, kept over years: the store, and what is read from it (trends, suggested SLOs)."""
