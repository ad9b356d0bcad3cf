"""The states that the page can be in, each with the way to it: for whoever looks at all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect

from tests.page.test_draw import ONE, draw

IMGS = Path("imgs")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
DOTS = [[(0.3, 0.3), (0.32, 0.3)], [(0.7, 0.3), (0.72, 0.3)], [(0.3, 0.7), (0.5, 0.8), (0.7, 0.7)]]  # a face


def choose(page: Page, *names: str) -> None:
    """Choose samples and wait for their answers."""
    page.locator("#files").set_input_files([IMGS / name for name in names])
    expect(page.locator("#progress")).to_have_class("done")


def at_first(page: Page) -> None:
    expect(page.locator("#answer")).to_have_attribute("data-state", "done")


def empty(page: Page) -> None:
    draw(page, ONE)
    page.locator("#wipe").click()
    expect(page.locator("#answer")).to_have_attribute("data-state", "empty")


def drawn(page: Page) -> None:
    draw(page, ONE)
    expect(page.locator("#class")).to_have_text("1")


def not_sure(page: Page) -> None:
    for stroke in DOTS:
        draw(page, stroke)
    expect(page.locator("#answer")).to_have_attribute("data-state", "unsure")


def loading(page: Page) -> None:
    page.route("**/classify?*", lambda route: None)
    page.locator("#files").set_input_files(IMGS / "photo-3.png")
    expect(page.locator("#answer")).to_have_attribute("data-state", "waiting")


def chosen(page: Page) -> None:
    choose(page, "photo-3.png")


def many(page: Page) -> None:
    page.locator("#all-samples").click()
    expect(page.locator("#summary")).to_contain_text("76 files")
    expect(page.locator("#progress")).to_have_class("done")


def none_wrong(page: Page) -> None:
    choose(page, "0-7.png")
    page.get_by_text("Wrong").click()
    expect(page.locator("#none")).to_be_visible()


def refused(page: Page) -> None:
    bad = (IMGS / "photo-3.png").read_bytes()[:3000]
    files = [
        FilePayload(name="IMG_0042.heic", mimeType="image/heic", buffer=HEIC),
        FilePayload(name="bad.png", mimeType="image/png", buffer=bad),
    ]
    page.locator("#files").set_input_files(files)
    expect(page.locator("[data-count=refused]")).to_have_text("2")


def part(page: Page) -> None:
    choose(page, "photo-3.png")
    page.locator("#choose-part").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def about(page: Page) -> None:
    page.locator("summary").click()
    expect(page.locator("dl")).to_be_visible()


def away(page: Page) -> None:
    for path in ("**/classify?*", "**/health/ready", "**/input"):
        page.route(path, lambda route: route.abort())
    draw(page, ONE)
    expect(page.get_by_role("alert")).to_be_visible()


def menu(page: Page) -> None:
    page.locator("#others").click()
    expect(page.locator("#models")).to_be_visible()


STATES: dict[str, Callable[[Page], None]] = {
    state.__name__: state
    for state in (
        at_first,
        empty,
        drawn,
        not_sure,
        loading,
        chosen,
        many,
        none_wrong,
        refused,
        part,
        about,
        away,
    )
}
