"""A job's callback: who may be told, what is said, how it is signed, and how often it is tried."""
