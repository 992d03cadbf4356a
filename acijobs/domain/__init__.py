"""The rules of a job: pure values and decisions, without Azure, I/O, clock or randomness."""
