"""Takes the README's pictures of the page: python -m tests.page.screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.page.conftest import ARGUMENTS, CHROMIUM, IMGS, upload
from tests.page.test_draw import Points, draw
from tests.serving import serve

DOCS = Path("docs")
SIZES = {"page": (1280, 900), "phone": (390, 844)}
THEMES: dict[str, Literal["light", "dark"]] = {"": "light", "-dark": "dark"}
FILES = ["chalk-8.png", "photo-3.png", "small-4.png", "sticky-6.png"]
THREE: Points = [(0.33, 0.24), (0.42, 0.16), (0.54, 0.15), (0.63, 0.22), (0.64, 0.33), (0.56, 0.43), (0.46, 0.47)]
THREE += [(0.58, 0.5), (0.67, 0.58), (0.68, 0.71), (0.59, 0.81), (0.46, 0.84), (0.33, 0.78)]


@contextmanager
def open_page(browser: Browser, url: str, size: tuple[int, int], theme: Literal["light", "dark"]) -> Iterator[Page]:
    width, height = size
    phone = width < 768
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        is_mobile=phone,
        has_touch=phone,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    yield page
    context.close()


def show(page: Page) -> None:
    """Upload some files, then draw a three."""
    upload(page, *(IMGS / name for name in FILES))
    expect(page.locator("#progress")).to_have_class("done")
    draw(page, THREE)
    expect(page.locator("#class")).to_have_text("3")
    expect(page.locator("#seen")).to_have_js_property("naturalWidth", 28)
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)


def main() -> None:
    """Write docs/page.png, docs/phone.png and the dark ones."""
    with serve({}, "--port", "8000") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, size in SIZES.items():
            for suffix, theme in THEMES.items():
                with open_page(browser, f"{server.url}/mnist/classify", size, theme) as page:
                    show(page)
                    page.screenshot(path=DOCS / f"{name}{suffix}.png")
        browser.close()


if __name__ == "__main__":
    main()
