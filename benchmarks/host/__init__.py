"""Speed of the durable engine beside two peers, on one machine in one run."""
