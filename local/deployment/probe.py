"""`python -m deployment.probe URL` waits until the app answers there, as the version of this checkout.

A deployment may be reported as a success with no function in it, and instances of the release before
may answer for a while. Source: github.com/Azure/azure-functions-host/issues/11915.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE_S = 600.0
"""How long is waited by default; a first start of Flex with its packages takes some minutes at most."""
PAUSE_S = 10.0
_ANSWER_S = 20.0
_MOST_BYTES = 10_000
_VERSION = re.compile(r'^VERSION = "([^"]+)"$', re.MULTILINE)
_APP = Path(__file__).resolve().parents[2]


def version_of(app: Path) -> str:
    """Return the version of the app in this folder.

    Raises:
        LookupError: the folder has none.
    """
    source = app / "acijobs" / "version.py"
    found = _VERSION.search(source.read_text("utf-8"))
    if found is None:
        raise LookupError(f'{source} has no line VERSION = "…"')
    return found[1]


def look(url: str, *, version: str) -> str:
    """Ask the app how it is; return what is wrong, or nothing where it is up and of this version."""
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=_ANSWER_S) as answer:  # noqa: S310
            health = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error}"
    except ValueError:
        return "its answer is not the app's"
    answers_as = health.get("version") if isinstance(health, dict) else None
    if answers_as is None:
        return "its answer is not the app's"
    return "" if answers_as == version else f"it answers as version {answers_as}"


def wait(
    look: Callable[[], str],
    *,
    within_s: float,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Look again and again until nothing is wrong; return what is still wrong after this time."""
    give_up_at = clock() + within_s
    while (wrong := look()) and clock() + PAUSE_S <= give_up_at:
        pause(PAUSE_S)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait, tell what came of it, and return the exit code: 0 when the app is up."""
    parser = argparse.ArgumentParser(prog="python -m deployment.probe", description=__doc__)
    parser.add_argument("url", type=_url, help="of the app, like https://jobs.example.com")
    parser.add_argument("--within-seconds", type=float, default=PATIENCE_S, dest="within_s")
    chosen = parser.parse_args(arguments)
    version = version_of(_APP)
    wrong = wait(lambda: look(chosen.url, version=version), within_s=chosen.within_s)
    if wrong:
        sys.stderr.write(
            f"{chosen.url}/api/health does not answer as version {version}: {wrong}.\n"
            "`az functionapp function list` should name Health; if it does not, deploy again.\n"
        )
        return 1
    sys.stdout.write(f"{chosen.url} is up, version {version}\n")
    return 0


def _url(text: str) -> str:
    if not re.match(r"https?://[^/]", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no URL: it begins with https:// (or http://)"
        )
    return text.rstrip("/")


if __name__ == "__main__":
    raise SystemExit(main())
