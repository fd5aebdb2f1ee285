"""Client requests on their way to a provider and back.

The dispatcher with its retries and hedges, the connections, and what is replied and logged.
"""
