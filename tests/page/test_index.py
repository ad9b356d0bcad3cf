"""The list of the models at the root."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.page.conftest import OpenPage
from tests.serving import Server


def test_each_model_is_a_link_to_its_page(open_page: OpenPage, models: Server) -> None:
    page = open_page(models.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["other", "photo"]
    for link in page.get_by_role("navigation").get_by_role("link").all():
        assert httpx.get(f"{models.url}/{link.get_attribute('href')}").status_code == 200
    page.get_by_role("link", name="photo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("photo")


def test_what_a_browser_has_of_the_list_is_not_sent_again(models: Server) -> None:
    first = httpx.get(models.url)
    again = httpx.get(models.url, headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("width", [320, 1920])
def test_no_width_of_the_list_needs_scrolling_sideways(width: int, browser: Browser, models: Server) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(models.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
