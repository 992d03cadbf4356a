"""How many requests a second the emulator serves with 5,000 groups alive, and how soon."""
