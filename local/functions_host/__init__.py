"""A local host for Azure Functions apps in Python, programming model v1, with Durable Functions."""
