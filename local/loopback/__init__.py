"""What keeps servers on a developer's machine from strangers: shared by the local programs."""
