"""What the statistics of trends can see, simulated: the tables in docs/statistics.md come from here."""
