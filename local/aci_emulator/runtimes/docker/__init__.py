"""The docker runtime: containers on any engine that answers the Docker API, Podman included."""
