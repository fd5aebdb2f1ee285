"""What people get of a run where they are: Slack, a comment on the pull request, email, a webhook.

What is said is decided once, in `message`: why, the numbers that moved, how to reproduce it. Each channel (`slack`,
`github`, `email`, `webhook`) only gives it its form. `condition` decides whether anything is sent, `deliveries` that
nothing is sent twice, and `pull_request`, `mail_server` and `battle.outgoing` send it.
"""
