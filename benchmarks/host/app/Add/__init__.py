"""Adds one."""


def main(number: int) -> int:
    """Return the next number."""
    return number + 1
