"""What people get of a run where they are: Slack, a comment on the pull request, email, a webhook."""
