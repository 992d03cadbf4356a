"""Run functions by timers and storage queues."""
