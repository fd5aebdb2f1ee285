"""Client subscriptions over shared upstream subscriptions.

Who is subscribed where, what was missed, and how it is backfilled.
"""
