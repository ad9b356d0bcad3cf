"""A real Chromium before a real server. Without Chromium, its tests are skipped."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from tests.page.models import photo_model
from tests.serving import Server, serve

IMGS = Path("imgs")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": ViewportSize(width=360, height=740), "desktop": ViewportSize(width=1280, height=800)}
COUNT_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value } of list.getEntries()) if (!hadRecentInput) window.shifts.push(value);
  }).observe({ type: "layout-shift", buffered: true });
"""
SUM_SHIFTS = """() => new Promise((tell) => requestAnimationFrame(() => setTimeout(() => {
  tell(window.shifts.reduce((sum, shift) => sum + shift, 0));
})))"""  # what the last frame has moved is told after it
OpenPage = Callable[..., Page]
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    return CHROMIUM


# Playwright keeps an event loop running, which the tests of other packages must not see.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of tests/page/package.json's packages, installed when they are first asked for."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = Path(__file__).parent
    with (folder / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # another process of pytest may want them, too
        subprocess.run([npm, "install", "--no-package-lock", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return folder / "node_modules"


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """The repository's own model and samples."""
    if not Path("models/mnist/1/model.onnx").exists():
        pytest.skip("the repository has no models/mnist")
    with serve({}) as server:
        yield server


@pytest.fixture(scope="package")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two models, one for photographs with many long labels; no samples."""
    folder = tmp_path_factory.mktemp("models")
    photo_model(folder / "photo/3/model.onnx")
    photo_model(folder / "other/1/model.onnx")
    with serve({"SERVICE_MODELS": str(folder)}) as server:
        yield server


@pytest.fixture(params=SIZES)
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens pages at phone and at desktop size; in the end none may have broken the policy or failed."""
    complaints: list[str] = []
    phone = request.param == "phone"
    context = browser.new_context(viewport=SIZES[request.param], has_touch=phone, is_mobile=phone)
    context.add_init_script(COUNT_SHIFTS)

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_page(url: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        page.goto(url)
        return page

    yield open_page
    context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: OpenPage, server: Server) -> Page:
    """The page of the repository's model."""
    return open_page(f"{server.url}/mnist/classify")


@pytest.fixture(scope="package")
def five_hundred(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """500 digits, `index-class.png`; of the last ten the name is wrong."""
    folder = tmp_path_factory.mktemp("digits")
    digits = sorted(path for path in IMGS.glob("*.png") if path.stem.partition("-")[0].isdecimal())
    files = []
    for index in range(500):
        digit = digits[index % len(digits)]
        label = int(digit.stem.partition("-")[2])
        file = folder / f"{index}-{label if index < 490 else (label + 1) % 10}.png"
        shutil.copy(digit, file)
        files.append(file)
    return files


def upload(page: Page, *files: Path) -> None:
    """Choose files."""
    page.locator("#files").set_input_files([str(file) for file in files])


def shifts(page: Page) -> float:
    """How far everything has jumped since the page was opened, without what input explains: the layout shifts."""
    shifts: float = page.evaluate(SUM_SHIFTS)
    return shifts
