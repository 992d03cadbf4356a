"""The use cases of activities and endpoints, against ports."""
