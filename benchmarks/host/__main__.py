"""Compares the durable engine with its peers: `python -m benchmarks.host [--quick]`.

Each contender runs in a process of its own, one after the other, several rounds; medians count. The
peers are installed into `.venv-peers` on the first run. The last line is the ratio of our throughput
to the better peer's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ROOT / ".venv-peers"
PEER_SCRIPTS = {
    "durabletask 1.12 (in-memory backend)": HERE / "peer_durabletask.py",
    "DBOS 3.4 (SQLite)": HERE / "peer_dbos.py",
}
OURS = "functions_host.durable (SQLite)"


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, fewer orchestrations")
    quick = parser.parse_args().quick
    count, rounds = (200, 1) if quick else (1_000, 3)
    python = install_peers()
    rates = measure_rates(python, count, rounds)
    print_rates(rates, count)
    print_own_figures(1_000 if quick else 10_000)
    best_peer = max(statistics.median(rates[name]) for name in PEER_SCRIPTS)
    print(f"ratio to the best peer: {statistics.median(rates[OURS]) / best_peer:.2f}")


def install_peers() -> Path:
    """Return the interpreter of a virtual environment that has the peers."""
    python = PEERS / "bin" / "python"
    stamp = PEERS / ".installed"
    wanted = (HERE / "requirements-peers.txt").read_text("utf-8")
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        venv.create(PEERS, with_pip=True)
        requirements = str(HERE / "requirements-peers.txt")
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        stamp.write_text(wanted, "utf-8")
    return python


def measure_rates(python: Path, count: int, rounds: int) -> dict[str, list[float]]:
    """Return the rates of all contenders, in turns."""
    rates: dict[str, list[float]] = {name: [] for name in [OURS, *PEER_SCRIPTS]}
    for _ in range(rounds):
        rates[OURS].append(measure("throughput", count)["per_s"])
        for name, script in PEER_SCRIPTS.items():
            rates[name].append(run([str(python), str(script), str(count)])["per_s"])
    return rates


def print_rates(rates: dict[str, list[float]], count: int) -> None:
    """Print what each contender reached."""
    print(f"Five chained activities, {count} orchestrations at once, orchestrations per second:")
    for name, values in rates.items():
        each = ", ".join(f"{value:.0f}" for value in values)
        print(f"  {name:40} median {statistics.median(values):6.1f}   ({each})")
    script = [sys.executable, str(HERE / "whole_host.py"), str(count)]
    print(f"  {'the whole host, over HTTP':40} once   {run(script)['per_s']:6.1f}")


def print_own_figures(sleepers: int) -> None:
    """Print what has no peer."""
    late = measure("lateness", 1_000)
    print(
        "1,000 timers due within one second, lateness:"
        f" p50 {late['p50_ms']:.0f} ms, p99 {late['p99_ms']:.0f} ms, max {late['max_ms']:.0f} ms"
    )
    fan = measure("fan_out", 1_000)
    print(f"1,000 activities in one orchestration: {fan['seconds']:.1f} s")
    growth = measure("growth", 400)
    print("Cost per step as the history grows, in ms:")
    for length, cost in growth.items():
        if length != "start_s":
            print(f"  {length:16} {cost:6.2f}")
    with tempfile.TemporaryDirectory() as folder:
        run([*command("sleepers", sleepers), folder])
        idle = run([*command("asleep", 0), folder])
    print(
        f"{sleepers} sleeping instances after a restart: {idle['rss_mb']:.0f} MB RSS,"
        f" {idle['cpu_percent']:.2f} % CPU, serving after {idle['start_s']:.2f} s"
    )


def measure(name: str, count: int) -> dict[str, float]:
    """Return one measure of our engine."""
    return run(command(name, count))


def command(name: str, count: int) -> list[str]:
    """Return the command of one measure of our engine."""
    return [sys.executable, "-W", "ignore", str(HERE / "engine.py"), name, str(count)]


def run(arguments: list[str]) -> dict[str, float]:
    """Return the figures that a contender's process prints on its last line."""
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
