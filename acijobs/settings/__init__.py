"""What an operator may set: one small model for each concern, read from the environment."""
