"""The parts are made well by many threads at once in a process that has made none before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# All parts are asked for at once. At each search for a module of an SDK other threads get their turn.
PROGRAM = """
import itertools, json, sys, threading, time

asked = []

class Pausing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("azure."):
            asked.append(threading.get_ident())
            time.sleep(0.002)
        return None

sys.meta_path.insert(0, Pausing())
from acijobs import wiring
from acijobs.secret_sources.vault_hosts import VaultHosts
from acijobs.settings.arm import ArmSettings
from acijobs.settings.reading import read

storage = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net"
arm = read(ArmSettings, {"Location": "eastus"})
makers = [
    lambda: wiring._rows(storage),
    lambda: wiring._logs(storage),
    lambda: wiring._groups("s", "rg", arm),
    lambda: wiring._vaults(VaultHosts.of(())),
    wiring._new_credential,
]
together, wrong = threading.Barrier(len(makers)), []

def make(maker):
    together.wait()
    try:
        maker()
    except BaseException as error:
        wrong.append(f"{type(error).__name__}: {error}")

threads = [threading.Thread(target=make, args=(maker,)) for maker in makers]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
blocks = [thread for thread, _ in itertools.groupby(asked)]
print(json.dumps({"wrong": wrong, "blocks": len(blocks), "threads": len(set(blocks))}))
"""


def test_threads_that_need_the_first_parts_at_once_all_get_them() -> None:
    """One after the other: the SDKs' modules import each other in circles, and fail when two do it."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["wrong"] == []
    assert said["blocks"] == said["threads"] > 1
