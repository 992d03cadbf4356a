"""Keep the engine's state in a SQLite file."""
