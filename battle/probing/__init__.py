"""What a gateway does that nobody has described yet, and the first files about it: `battle init`."""
