"""Plain data of TOML, YAML and JSON files: read within limits, compared with types, each mistake with its line."""
