"""The HTTP side of the host: routes, keys, requests and replies of functions, the admin API."""
