"""Calls the app's functions: data in, the function, data out."""
