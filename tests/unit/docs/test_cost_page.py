"""The prices in the documentation are those that the app computes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from acijobs.domain.cost import Prices, cost_usd, run_deadline_s, usd_per_hour
from acijobs.domain.spec.job import parse
from guide import SavedFile, parts_of, steps_of

DOCS = Path(__file__).parents[3] / "docs"
ROW = re.compile(r"^\| ([\d.]+) cores?, ([\d.]+) GB[^|]* \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)
ROWS = ROW.findall((DOCS / "concepts" / "cost.md").read_text("utf-8"))


@pytest.mark.parametrize(("cpu", "memory_gb", "hour", "month"), ROWS)
def test_the_price_of_a_size(cpu: str, memory_gb: str, hour: str, month: str) -> None:
    """An hour of it, and ten minutes a day for thirty days."""
    spec = parse({"image": "a", "cpu": float(cpu), "memoryGb": float(memory_gb)})
    price = usd_per_hour(spec, Prices())
    assert float(hour) == pytest.approx(price, abs=0.00005)
    assert float(month) == pytest.approx(price * 5, abs=0.005)


def test_the_table_is_read() -> None:
    """Three sizes."""
    assert len(ROWS) == 3


def test_the_dry_runs_example_is_what_its_job_costs() -> None:
    """An hour, how long its money lasts, and what that comes to."""
    page = DOCS / "guides" / "dry-run.md"
    sent = re.search(r"-d '(\{.*?\})'", steps_of(page)[0].command, re.DOTALL)
    answer = re.search(r"^```json\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert sent is not None
    assert answer is not None
    spec, shown = parse(json.loads(sent[1])), json.loads(answer[1])
    price, prices = usd_per_hour(spec, Prices()), Prices()
    assert shown["pricePerHourUsd"] == pytest.approx(price)
    assert shown["runDeadlineSeconds"] == run_deadline_s(spec, prices)
    assert shown["costAtRunDeadlineUsd"] == cost_usd(price, run_deadline_s(spec, prices))


def test_the_tutorials_job_costs_what_its_dry_run_shows() -> None:
    """An hour, and a run to its deadline."""
    page = DOCS / "tutorial.md"
    saved = [part for part in parts_of(page) if isinstance(part, SavedFile)]
    spec = parse(json.loads(next(part.text for part in saved if part.name == "report.json")))
    price = usd_per_hour(spec, Prices())
    shown = re.search(r'\{"pricePerHourUsd":([\d.]+),.*:([\d.]+)\}', page.read_text("utf-8"))
    assert shown is not None
    deadline = cost_usd(price, spec.timeouts.run_seconds)
    assert (float(shown[1]), float(shown[2])) == (pytest.approx(price), deadline)


def monthly(label: str) -> list[float]:
    """Return what the guide on deploying says of a part: the middle of a range, each of several."""
    guide = (DOCS / "guides" / "deploy.md").read_text("utf-8")
    [told] = re.findall(rf"^\| {re.escape(label)}[^|]*\|[^|]*\| ([^|]+) \|$", guide, re.MULTILINE)
    numbers = [[float(n) for n in part.split(" to ")] for part in told.split("; ")]
    return [sum(range_) / len(range_) for range_ in numbers]


def test_what_the_app_costs_is_the_sum_of_its_parts() -> None:
    """As the guide on deploying has them; rounded to five dollars."""
    [warm], [small, none] = monthly("Always-ready instance"), monthly("The same with 512 MB")
    [rounds], [storage] = monthly("Reconciler"), monthly("Storage")
    [vault], [alerts] = monthly("Vault"), monthly("Alerts")
    [premium], [network] = monthly("with `ACIJOBS_PLAN=Premium`"), monthly("with `ACIJOBS_NETWORK`")
    around = storage + vault + alerts
    page = (DOCS / "concepts" / "cost.md").read_text("utf-8")
    table = page.partition("| | about |")[2]
    told = [float(number) for number in re.findall(r"\| (\d+) \|$", table, re.MULTILINE)]
    flex = [instance + rounds + around for instance in (warm, small, none)]
    assert told == pytest.approx([*flex, premium + around, network], abs=3)
