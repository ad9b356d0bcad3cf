"""What a telephone's small screen and a finger need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.page.conftest import IMGS, upload
from tests.page.states import STATES, many, menu
from tests.page.test_draw import ONE, draw
from tests.serving import Server

SCREENS = [(390, 844), (360, 640)]
TARGET = 44  # pixels, of a finger's target (WCAG 2.2, 2.5.5)
# Each control that is to be seen, with the smaller side of what takes its click.
MEASURE = """() => [...document.querySelectorAll("button, summary, input, [role=option], #models a")]
  .map((one) => one.matches("[type=file], [type=radio]") ? one.labels[0].querySelector(".choose, span") : one)
  .filter((one) => one.checkVisibility() && !one.matches(".link"))
  .map((one) => [one.outerHTML.slice(0, 60), one.getBoundingClientRect()])
  .map(([html, { width, height }]) => [html, Math.min(width, height)])"""


@pytest.fixture(params=SCREENS)
def phone(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def is_in_sight(page: Page, element: Locator) -> bool:
    """Whether all of it is on the screen."""
    box, screen = element.bounding_box(), page.viewport_size
    assert box is not None
    assert screen is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= screen["height"]


def test_pad_and_verdict_are_seen_together(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    for part in ("#pad", "#undo", ".verdict", "#seen"):
        assert is_in_sight(phone, phone.locator(part)), part
    draw(phone, ONE)
    expect(phone.locator("#class")).to_have_text("1")
    assert phone.evaluate("scrollY") == 0
    for part in ("#pad", "#undo", "#class", "#note", "#seen"):
        assert is_in_sight(phone, phone.locator(part)), part


def test_nothing_moves_when_the_first_stroke_ends_an_empty_page(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    before = phone.locator("#pad").bounding_box()
    STATES["empty"](phone)
    assert phone.locator("#pad").bounding_box() == before
    draw(phone, ONE)
    expect(phone.locator("#class")).to_have_text("1")
    assert phone.locator("#pad").bounding_box() == before


def test_the_verdict_stays_in_sight_of_the_results(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    many(phone)
    phone.get_by_role("option").nth(30).tap()
    assert is_in_sight(phone, phone.locator("#class"))


@pytest.mark.parametrize("state", ["not_sure", "refused", "loading"])
def test_no_verdict_is_cut_off(state: str, phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    STATES[state](phone)
    view = phone.locator(".view").bounding_box()
    assert view is not None
    for part in phone.locator("#class:visible, #note:visible, #sentence:visible").all():
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= view["x"]
        assert box["x"] + box["width"] <= view["x"] + view["width"]
        assert box["y"] + box["height"] <= view["y"] + view["height"] + 1
        assert part.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_photo_may_be_taken(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    expect(phone.get_by_text("Take or choose a photo")).to_be_visible()
    expect(phone.get_by_text("Drop pictures anywhere")).to_be_hidden()
    assert "image/*" in (phone.locator("#files").get_attribute("accept") or "")


@pytest.mark.parametrize("state", ["at_first", "many", "part", "about"])
def test_a_finger_hits_every_control(state: str, phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/mnist/classify")
    STATES[state](phone)
    sizes = phone.evaluate(MEASURE)
    assert len(sizes) > 10
    assert [each for each in sizes if each[1] < TARGET] == []


def test_a_finger_hits_every_model_of_the_menu(phone: Page, models: Server) -> None:
    phone.goto(f"{models.url}/photo/classify")
    upload(phone, IMGS / "photo-3.png")
    menu(phone)
    assert [each for each in phone.evaluate(MEASURE) if each[1] < TARGET] == []
