"""The moving parts: actor system, worlds, wire protocols, and the roles that meet on the wire."""
