"""The only code that sends anything to where a job's submitter says."""
