"""What an author writes and what Battle knows of it before a run.

The scenario, where it is loaded from, what is wrong with it, and how long it will take. Nothing here starts anything.
"""
