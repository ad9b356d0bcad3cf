"""The short form of every trial that breaks a server holds; times, and the long one, are a command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.chaos.command import TRIALS
from bench.chaos.goals import at_least, at_most, exactly
from bench.server import ROOT

SOAK_SECONDS = os.environ.get("SOAK_SECONDS", "60")  # the command's default is five minutes
TIMEOUTS_S = {"soak": 2 * float(SOAK_SECONDS) + 120}


@pytest.mark.parametrize("trial", TRIALS)
def test_a_trial_meets_its_goals(trial: str) -> None:
    command = [sys.executable, "-m", "bench", "chaos", trial, "--busy"]
    environment = {**os.environ, "SOAK_SECONDS": SOAK_SECONDS}
    timeout_s = TIMEOUTS_S.get(trial, 240)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_goal_that_is_missed_is_told() -> None:
    assert [finding.met for finding in (at_most("", 2, 1), at_least("", 1, 2), exactly("", {200: 1}, {200: 2}))] == [
        False
    ] * 3
    assert [finding.met for finding in (at_most("", 1, 1), at_least("", 2, 2), exactly("", {200: 1}, {200: 1}))] == [
        True
    ] * 3


def test_an_unknown_trial_is_named_with_those_there_are() -> None:
    command = [sys.executable, "-m", "bench", "chaos", "nope"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no trial is called nope; the trials are damage, " in done.stderr
