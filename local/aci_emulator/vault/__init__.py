"""An emulated Key Vault: secrets in memory, behind the bearer challenge, on a port of its own."""
