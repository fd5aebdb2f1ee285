"""What a CI service shows: annotations, step summaries, report files, and workflows for a user's repository."""
