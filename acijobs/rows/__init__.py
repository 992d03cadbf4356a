"""The stores of the jobs' rows: a table in Azure, or a file (docs/adr/0006)."""
