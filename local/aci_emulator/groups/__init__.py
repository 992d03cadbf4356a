"""Container groups: requests, state, deployment, logs."""
