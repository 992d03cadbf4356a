"""What makes functions run besides HTTP: timers and storage queues."""
