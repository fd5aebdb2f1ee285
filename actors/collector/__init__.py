"""What is recorded beside the requests: each node's use of the machine, and the choice of what to keep."""
