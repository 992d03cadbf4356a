"""What keeps secrets secret and links unforgeable: sealing, capabilities, and the keys of both."""
