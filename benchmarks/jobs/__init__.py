"""How late and how costly a job's end is noticed, against a plain loop over the Azure SDK."""
