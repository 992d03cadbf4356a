"""The specification of a job, one module for each concern; validated at the door only."""
