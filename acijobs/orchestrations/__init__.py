"""The steps of the orchestrators: deterministic generators over the Durable SDK's context."""
