"""The README's commands give the output that it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serve

README = Path("README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Each `$ command` of a console block with the output shown below it."""
    for block in BLOCK.findall(README):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = entry.partition("\n")
            yield command, output.strip()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve({}) as server:
        yield server


@pytest.mark.parametrize(("command", "output"), list(commands()))
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
    assert len(list(commands())) >= 5


def test_the_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README) + re.findall(r'src(?:set)?="([^"]+)"', README)
    assert links
    assert [link for link in links if not Path(link).exists()] == []
