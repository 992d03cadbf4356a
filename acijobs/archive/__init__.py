"""Where job logs are kept: a folder, or a blob container."""
