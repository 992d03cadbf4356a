"""The API's description in OpenAPI 3.1, made from the models and one table of operations."""
