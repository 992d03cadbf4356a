"""The admin API on the loopback control port: faults, clock, request log, groups."""
