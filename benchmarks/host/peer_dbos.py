"""Five chained steps per workflow on DBOS Transact with SQLite."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from pathlib import Path

from dbos import DBOS


@DBOS.step()
def add(number: int) -> int:
    """Return the next number."""
    return number + 1


@DBOS.workflow()
def chain() -> int:
    """Pass a number through five steps."""
    number = 0
    for _ in range(5):
        number = add(number)
    return number


def main(count: int) -> None:
    """Print the rate of `count` workflows started at once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dbos.sqlite"
        DBOS(
            config={
                "name": "bench",
                "system_database_url": f"sqlite:///{path}",
                "log_level": "CRITICAL",
                "run_admin_server": False,
            }
        )
        DBOS.launch()
        DBOS.start_workflow(chain).get_result()
        began = time.perf_counter()
        handles = [DBOS.start_workflow(chain) for _ in range(count)]
        for handle in handles:
            assert handle.get_result() == 5
        rate = count / (time.perf_counter() - began)
        DBOS.destroy()
    print(json.dumps({"per_s": rate}))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(int(sys.argv[1]))
