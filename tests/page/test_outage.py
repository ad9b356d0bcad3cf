"""A server that is busy, goes away or breaks the connection."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from tests.page.conftest import IMGS, OpenPage, upload
from tests.page.test_draw import ONE, draw
from tests.serving import serve


def wait_until_done(page: Page, count: int) -> None:
    """Return when that many files are done."""
    deadline = time.monotonic() + 20
    while page.locator("#progress").evaluate("bar => bar.value") < count:  # wait_for_function needs eval
        assert time.monotonic() < deadline


def test_a_server_that_goes_away_in_the_middle(open_page: OpenPage, five_hundred: list[Path]) -> None:
    with serve({}) as first:
        page = open_page(f"{first.url}/mnist/classify")
        upload(page, *five_hundred)
        wait_until_done(page, 50)
        first.process.kill()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The server does not answer.")
        done = page.locator("#progress").evaluate("bar => bar.value")
        assert 50 <= done < 500
        expect(page.locator("#summary")).to_contain_text(f"{done} of 500 files")
        expect(page.get_by_role("button", name="Try now")).to_be_visible()
    with serve({}, "--port", str(urlsplit(first.url).port)):
        page.locator("#try-now").dispatch_event("click")  # the page may have found the server by itself already
        expect(page.locator("#summary")).to_contain_text("500 files · 98.0 % right (490 of 500)", timeout=60_000)
        expect(alert).to_be_hidden()


def test_a_drawing_and_a_sample_wait_for_the_server(open_page: OpenPage) -> None:
    with serve({}) as first:
        page = open_page(f"{first.url}/mnist/classify")
        first.process.kill()
        first.process.wait()
        draw(page, ONE)
        page.get_by_role("button", name="Classify chalk-8.png").click()
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    with serve({}, "--port", str(urlsplit(first.url).port)):
        expect(page.locator("#class")).to_have_text("8")  # it tries again by itself
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_busy_server_is_asked_again(page: Page) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 3:
            route.fulfill(status=503, headers={"retry-after": "1"}, json={"error": "12 images are waiting"})
        else:
            route.continue_()

    page.route("**/classify?*", answer)
    upload(page, IMGS / "0-7.png", IMGS / "1-2.png")
    expect(page.locator("#summary")).to_contain_text("2 files · 100.0 % right (2 of 2)")
    assert len(asked) == 5


def test_a_proxy_that_refuses_is_not_asked_for_ever(page: Page) -> None:
    """It says 503 and not when to come again; the server itself is there."""
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, body="no")

    page.route("**/classify?*", answer)
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#sentence")).to_have_text("The server answered 503 Service Unavailable.")
    assert len(asked) == 3


def test_what_the_model_sees_is_asked_for_again(page: Page) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"retry-after": "1"}, json={"error": "busy"})
        else:
            route.continue_()

    page.route("**/input", answer)
    draw(page, ONE)
    expect(page.locator("#class")).to_have_text("1")
    expect(page.locator("#seen")).to_have_js_property("naturalWidth", 28)


def test_a_file_over_the_limit_does_not_stop_the_others(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes((IMGS / "0-7.png").read_bytes()[:100] + bytes(33 * 1024 * 1024))
    upload(page, large, IMGS / "0-7.png")
    expect(page.locator("#summary")).to_contain_text("2 files · 100.0 % right (1 of 1)")
    expect(page.locator("[data-count=refused]")).to_have_text("1")
    expect(page.locator(".card .sentence").last).to_have_text(re.compile("bytes|could not be sent"))


def test_clear_stops_what_is_under_way(page: Page, five_hundred: list[Path]) -> None:
    upload(page, *five_hundred)
    wait_until_done(page, 20)
    page.get_by_role("button", name="Clear").last.click()
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#summary")).to_have_text("1 file · 100.0 % right (1 of 1)")
    expect(page.locator("#class")).to_have_text("7")
