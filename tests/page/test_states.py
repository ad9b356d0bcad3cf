"""What the page says while it works, when a model is not sure, and where there is nothing to show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import IMGS, shifts, upload
from tests.page.states import STATES
from tests.page.test_draw import ONE, draw
from tests.serving import Server

SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}  # bytes a second


SAYS_THE_FIRST_BAR = """() => {
    const [label, share] = document.querySelector("#bars > span").querySelectorAll("span");
    const note = document.querySelector("#note").textContent;
    return note.includes(`the server says ${label.textContent} · ${share.textContent}`);
}"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of 12 MB."""
    file = tmp_path_factory.mktemp("large") / "large.png"
    noise = np.random.default_rng(17).integers(0, 256, (2000, 2000, 3), np.uint8)
    Image.fromarray(noise).save(file, compress_level=0)
    return file


def slow_down(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW)


def test_a_model_that_is_not_sure_says_so_and_what_it_answered(page: Page) -> None:
    STATES["not_sure"](page)
    expect(page.locator("#class")).to_have_text(re.compile(r"^not sure: (\d(, \d)? or \d|perhaps \d)$"))
    page.wait_for_function(SAYS_THE_FIRST_BAR)  # each part of a stroke is answered: both may change in between
    draw(page, ONE)
    page.locator("#wipe").click()
    draw(page, ONE)
    expect(page.locator("#class")).to_have_text("1")


def test_a_large_file_shows_how_much_of_it_is_sent(page: Page, large: Path) -> None:
    slow_down(page)
    upload(page, large)
    expect(page.locator("#note")).to_have_text(re.compile(r"^sending, \d+ %$"))
    first = page.locator("#note").inner_text()
    expect(page.locator("#note")).not_to_have_text(first)
    assert 0 < page.locator("#progress").evaluate("bar => bar.value") < 1
    expect(page.locator("#answer")).to_have_attribute("data-state", re.compile("done|unsure"))
    expect(page.locator("#seen")).to_have_attribute("src", re.compile("^blob:"))


def test_what_is_under_way_may_be_cancelled(page: Page, large: Path) -> None:
    slow_down(page)
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#progress")).to_have_class("done")
    expect(page.locator("#cancel")).to_be_hidden()
    upload(page, large)
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#summary")).to_contain_text("1 cancelled")
    expect(page.locator("#cancel")).to_be_hidden()
    expect(page.locator("#sentence")).to_have_text("cancelled")
    expect(page.get_by_role("option").first.locator(".mark")).to_have_text("✓ right")
    expect(page.get_by_role("option").last.locator(".mark")).to_have_text("cancelled")
    upload(page, IMGS / "1-2.png")
    expect(page.locator("#class")).to_have_text("2")


def test_a_filter_that_nothing_passes_says_so(page: Page) -> None:
    STATES["none_wrong"](page)
    expect(page.locator("#none")).to_have_text("No file is wrong.")
    page.get_by_text("Refused").click()
    expect(page.locator("#none")).to_have_text("No file was refused.")
    page.locator("fieldset label").first.click()
    expect(page.locator("#none")).to_be_hidden()


def test_nothing_jumps(page: Page) -> None:
    for state in ("drawn", "empty", "chosen", "refused"):
        STATES[state](page)
    assert shifts(page) < 0.02


def test_nothing_moves_while_it_works_for_those_who_ask_so(browser: Browser, server: Server) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{server.url}/mnist/classify")
    STATES["loading"](page)
    assert page.evaluate("document.getAnimations().length") == 0
    page.close()
