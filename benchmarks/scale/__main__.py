"""Prints what docs/concepts/scale.md and docs/concepts/backends.md tell: needs, and what a model shows.

    python -m benchmarks.scale [--write]

Pure arithmetic and a seeded simulation: the same numbers each time. `--write` puts them into the pages.
"""

from __future__ import annotations

import argparse

from benchmarks.scale.pages import PAGES, rendered, tables


def main() -> None:
    """Print the tables, or write them into the pages."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--write", action="store_true", help="put the tables into the pages")
    is_to_write = parser.parse_args().write
    found = tables()
    for name, table in found.items():
        print(f"{name}\n{table}")
    for page in PAGES if is_to_write else ():
        page.write_text(rendered(page.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()
