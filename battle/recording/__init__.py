"""Measuring a real provider, so that a mock can behave like it: `battle record`."""
