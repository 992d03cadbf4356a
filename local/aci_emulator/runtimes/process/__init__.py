"""The process runtime: containers are plain processes of this machine, with no isolation at all."""
