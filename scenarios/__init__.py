"""The shipped battles: short files of data. Copy one to start your own."""
