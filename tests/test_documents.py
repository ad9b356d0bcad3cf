"""The commands in the README and in docs/ give the output that is shown, and their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serve

PAGES = [*sorted(Path().glob("*.md")), *sorted(Path("docs").glob("*.md"))]
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!http)([^)]+)\)|src(?:set)?=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Each `$ command` of a console block with the output shown below it."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = entry.partition("\n")
                yield command, output.strip()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve({}) as server:
        yield server


@pytest.mark.parametrize(("command", "output"), sorted(set(commands())))
def test_a_command_gives_the_output_shown(command: str, output: str, server: Server) -> None:
    done = subprocess.run(
        ["bash", "-c", command.replace(ADDRESS, server.url)],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == output


def test_there_are_commands_to_run() -> None:
    assert len(set(commands())) >= 8


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for link in (one or other for one, other in LINK.findall(page.read_text())):
        name, _, part = link.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), link
        assert not part or part in anchors(file), link


def test_every_page_is_reached_from_the_readme() -> None:
    links = {page.parent / link.partition("#")[0] for page in PAGES for link, _ in LINK.findall(page.read_text())}
    assert [page for page in PAGES if page.parent.name == "docs" and page not in links] == []


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings in links."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}
