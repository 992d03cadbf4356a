"""The only code that knows the Azure management SDK."""
