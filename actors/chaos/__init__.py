"""The chaos plan: faults as data, their expansion to a timeline, and the actor that carries it out."""
