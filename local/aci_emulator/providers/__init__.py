"""Registration of the resource provider."""
