"""Translates a job's specification into the SDK's models, one module for each concern."""
