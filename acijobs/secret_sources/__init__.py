"""Adapters of where secrets come from: key vaults, and the app's own settings."""
