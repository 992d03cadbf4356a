"""What each activity and endpoint does, against ports."""
