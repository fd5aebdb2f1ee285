"""What a CI server gets: annotations, step summaries, and the workflow that `battle ci init` writes."""
