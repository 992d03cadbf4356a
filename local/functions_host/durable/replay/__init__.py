"""Repeat the extension's walk of an orchestrator, from history to decisions."""
