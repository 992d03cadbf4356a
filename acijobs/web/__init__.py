"""The HTTP side: requests in, `application/json` and `application/problem+json` out."""
