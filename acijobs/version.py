"""The release that this is."""

VERSION = "0.1.0"
"""As in pyproject.toml, whose packages are never deployed."""
