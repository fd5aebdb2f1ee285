"""Many scenarios in one go: choose them, run them one after the other, and say in one report what came of it."""
