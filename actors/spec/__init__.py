"""What a scenario can say of the moving parts: frozen data with its own checks, and no code that acts on it."""
