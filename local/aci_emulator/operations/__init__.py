"""Asynchronous operations, as `Azure-AsyncOperation` points to them."""
