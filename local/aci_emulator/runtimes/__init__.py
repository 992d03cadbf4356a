"""What runs the containers of the emulated service."""
