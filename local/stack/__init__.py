"""The whole system on one machine: local Functions host, local ACI endpoint, and the demo."""
