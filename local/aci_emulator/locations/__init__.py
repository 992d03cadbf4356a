"""What a location offers: usages, capabilities, cached images, operations of the provider."""
