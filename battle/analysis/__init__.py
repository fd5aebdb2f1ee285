"""What a log says.

Everything here reads a recorded run through named queries, and imports neither the code that runs battles nor the
moving parts.
"""
