"""Every local link, path and make target that the documentation names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FUNCTIONS = [path.parent.name for path in ROOT.glob("*/function.json")]
SOURCES = [
    path
    for folder in ("acijobs", "benchmarks", "local", "tests", *FUNCTIONS)
    for path in (ROOT / folder).rglob("*.py")
]
FOLDERS = "acijobs|benchmarks|docs|infra|local|tests"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """Return the page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """Return the page's blocks of code and its code spans."""
    blocks = re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", prose(text))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text("utf-8")), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def local_links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8")))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    """To a file or folder, and to a heading where it has an anchor."""
    broken = []
    for link in local_links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_merge_was_made_to_its_end(page: Path) -> None:
    """No marks of a conflict are left."""
    assert not re.findall(r"^(?:<{7}|={7}|>{7})(?: .*)?$", page.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    """In blocks of code and code spans."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    texts = code(page.read_text("utf-8"))
    named = {name for text in texts for name in re.findall(r"\bmake ([a-z-]+)", text)}
    assert named - targets == set()


def missing_paths(texts: list[str]) -> set[str]:
    paths = {
        found
        for text in texts
        for found in re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w)", text)
    }
    return {path for path in paths if not (ROOT / path).exists() and not any(ROOT.glob(f"{path}*"))}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    """A moved file takes its mentions along."""
    assert missing_paths(code(page.read_text("utf-8"))) == set()


def test_every_page_that_the_code_names_exists() -> None:
    """Like docs/adr/0002 in a docstring."""
    named = {
        (relative(source), page)
        for source in SOURCES
        for page in re.findall(r"(?<![\w./-])docs/[\w./-]*\w", source.read_text("utf-8"))
    }
    assert {(source, page) for source, page in named if not any(ROOT.glob(f"{page}*"))} == set()
    assert len(named) > 5


def test_every_page_can_be_reached_from_the_readme() -> None:
    """Nothing is written that nobody finds."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        targets = ((page.parent / link.partition("#")[0]).resolve() for link in local_links(page))
        for target in targets:
            waiting += sorted(target.glob("*.md")) if target.is_dir() else [target]
    assert set(PAGES) - reached == set()
