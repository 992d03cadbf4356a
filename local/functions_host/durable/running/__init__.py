"""Deliver messages, and run the functions they are for."""
