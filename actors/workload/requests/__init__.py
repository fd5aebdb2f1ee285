"""Requests of any transport: when they are due, what they call, which are open, and what their answers mean."""
