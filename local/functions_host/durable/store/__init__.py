"""Where the engine's state lives: one contract, two stores."""
