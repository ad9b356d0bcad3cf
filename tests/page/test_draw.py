"""The drawing pad, with mouse, finger, pen and keys."""

from __future__ import annotations

import math
from typing import Any

from playwright.sync_api import Page, expect

Points = list[tuple[float, float]]
ONE: Points = [(0.5, 0.2 + 0.06 * step) for step in range(11)]
ZERO: Points = [
    (0.5 + 0.19 * math.sin(turn / 16 * math.tau), 0.5 - 0.3 * math.cos(turn / 16 * math.tau)) for turn in range(17)
]


def on_page(page: Page, points: Points) -> Points:
    """Points of the pad, 0 to 1, as points of the page."""
    page.locator("#pad").evaluate("pad => pad.scrollIntoView({ block: 'nearest', behavior: 'instant' })")
    box = page.locator("#pad").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]


def draw(page: Page, points: Points) -> None:
    """Draw with the mouse."""
    first, *others = on_page(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point)
    page.mouse.up()


def has_ink(page: Page, x: float, y: float) -> bool:
    """Whether the pad is dark at that point, 0 to 1."""
    red: int = page.locator("#pad").evaluate(
        "(pad, [x, y]) => pad.getContext('2d').getImageData(x * pad.width, y * pad.height, 1, 1).data[0]", [x, y]
    )
    return red < 128


def dispatch(page: Page, kind: str, events: list[dict[str, Any]]) -> None:
    devtools = page.context.new_cdp_session(page)
    for event in events:
        devtools.send(f"Input.dispatch{kind}Event", event)


def test_a_drawing_is_classified_as_a_png(page: Page) -> None:
    with page.expect_request("**/mnist/classify?fn=drawing.png*") as request:
        draw(page, ZERO)
    assert request.value.headers["content-type"] == "image/png"
    expect(page.locator("#class")).to_have_text("0")
    # The next preview may be on its way: the page asks again for each part of a stroke.
    expect(page.locator("#seen")).to_have_js_property("naturalWidth", 28)
    expect(page.locator("#curl")).to_contain_text("curl -F file=@drawing.png http://")
    expect(page.get_by_role("status")).to_contain_text("0, ")


def test_it_is_classified_while_it_is_drawn(page: Page) -> None:
    first, *others = on_page(page, ONE)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point)
    expect(page.locator("#class")).to_have_text("1")
    page.mouse.up()


def test_a_finger_draws(page: Page) -> None:
    first, *others = [[{"x": x, "y": y}] for x, y in on_page(page, ONE)]
    moves = [{"type": "touchMove", "touchPoints": points} for points in others]
    start = {"type": "touchStart", "touchPoints": first}
    dispatch(page, "Touch", [start, *moves, {"type": "touchEnd", "touchPoints": []}])
    expect(page.locator("#class")).to_have_text("1")


def test_a_pen_draws(page: Page) -> None:
    points = [{"x": x, "y": y, "button": "left", "pointerType": "pen", "force": 0.5} for x, y in on_page(page, ONE)]
    moves = [{**point, "type": "mouseMoved", "buttons": 1} for point in points]
    press, release = ({**point, "clickCount": 1} for point in (points[0], points[-1]))
    dispatch(page, "Mouse", [{**press, "type": "mousePressed"}, *moves, {**release, "type": "mouseReleased"}])
    expect(page.locator("#class")).to_have_text("1")


def test_keys_draw(page: Page) -> None:
    page.locator("#pad").focus()
    for key in ["ArrowUp"] * 8 + ["Space"] + ["ArrowDown"] * 17:
        page.keyboard.press(key)
    expect(page.get_by_role("status")).to_have_text("pen down")
    expect(page.locator("#class")).to_have_text("1")
    page.keyboard.press("Space")
    page.keyboard.press("Backspace")
    expect(page.locator("#answer")).to_have_attribute("data-state", "empty")


def test_undo_and_clear(page: Page) -> None:
    draw(page, ONE)
    draw(page, ZERO)
    assert has_ink(page, *ONE[5])
    assert has_ink(page, *ZERO[4])
    page.get_by_role("button", name="Undo").click()
    assert has_ink(page, *ONE[5])
    assert not has_ink(page, *ZERO[4])
    expect(page.locator("#class")).to_have_text("1")
    page.locator("#wipe").click()
    assert not has_ink(page, *ONE[5])
    expect(page.locator("#answer")).to_have_attribute("data-state", "empty")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_tap_leaves_a_dot(page: Page) -> None:
    draw(page, [(0.5, 0.5)])
    assert has_ink(page, 0.5, 0.5)
    assert not has_ink(page, 0.5, 0.6)


def test_a_drawing_may_be_saved(page: Page) -> None:
    draw(page, ONE)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == "drawing.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_results_that_arrive_do_not_take_the_drawings_place(page: Page) -> None:
    page.get_by_role("button", name="Try all").click()
    draw(page, ONE)
    expect(page.locator("#summary")).to_contain_text("76 files")
    expect(page.locator("#progress")).to_have_class("done")
    expect(page.locator("#shown-name")).to_have_text("drawing.png")
    expect(page.locator("#class")).to_have_text("1")
