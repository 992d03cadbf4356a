"""What many jobs need: the arithmetic, and a simulation that reproduces it."""
