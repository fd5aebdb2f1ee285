"""The world an actor lives in: `interfaces` is all an actor sees of it; `live` and `simulated` implement it."""
