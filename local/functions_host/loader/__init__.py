"""Reads an app's folder as the real host does, and imports its functions as the real worker does."""
