"""Serve what clients ask of the engine."""
