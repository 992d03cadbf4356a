"""The App Service identity endpoint: issues the bearer tokens the ARM endpoint accepts."""
