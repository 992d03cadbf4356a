"""Runs container images as durable batch jobs on Azure Container Instances."""
