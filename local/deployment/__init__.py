"""Makes what is deployed: a package of the app, the same bytes from the same files."""
