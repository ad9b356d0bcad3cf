"""The page for everybody: samples, keys, screen readers, every width, both themes, without JavaScript."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import IMGS, upload
from tests.serving import Server


def test_a_sample_is_one_click_away(page: Page) -> None:
    page.get_by_role("button", name="Classify photo-3.png").click()
    expect(page.locator("#class")).to_have_text("3")
    expect(page.locator("#note")).to_contain_text("right")


def test_all_samples_at_once(page: Page) -> None:
    count = len(list(IMGS.glob("*.png")))
    page.get_by_role("button", name=f"Try all {count}").click()
    expect(page.locator("#summary")).to_contain_text(f"{count} files")
    expect(page.locator("#progress")).to_have_class("done")


def test_everything_can_be_reached_with_the_tab_key(page: Page) -> None:
    upload(page, IMGS / "0-7.png", IMGS / "1-2.png", IMGS / "2-1.png")
    expect(page.locator("#progress")).to_have_class("done")
    page.locator("h1").click()
    reached = []
    for _ in range(150):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
              if (document.activeElement === document.body) return null;
              const { id, name, title, className, textContent } = document.activeElement;
              const shown = document.activeElement.closest("#upload, label") ?? document.activeElement;
              const ring = [shown, document.activeElement, document.activeElement.nextElementSibling].some((one) =>
                one && (getComputedStyle(one).outlineStyle !== "none" || one.id === "upload"));
              return [id || name || title || className || textContent, ring];
            }"""
        )
        if focus is None or focus[0] in reached:
            break
        assert focus[1], f"{focus[0]} shows no focus"
        reached.append(focus[0])
    assert {"files", "pad", "curl", "copy", "0-7.png", "all-samples", "export", "clear"} <= set(reached)
    assert [name for name in reached if "card" in name] == ["card right"]  # one stop for the whole list


def test_arrow_keys_go_through_the_results(page: Page) -> None:
    upload(page, IMGS / "0-7.png", IMGS / "1-2.png", IMGS / "2-1.png")
    expect(page.locator("#progress")).to_have_class("done")
    page.get_by_role("option").first.focus()
    for key, digit in (("ArrowRight", "2"), ("End", "1"), ("Home", "7"), ("ArrowLeft", "7")):
        page.keyboard.press(key)
        expect(page.get_by_role("option", selected=True)).to_be_focused()
        expect(page.locator("#class")).to_have_text(digit)


def test_every_control_and_region_has_a_name(page: Page) -> None:
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#class")).to_have_text("7")
    for region in ("Draw", "Answer", "Samples", "Results"):
        expect(page.get_by_role("region", name=region)).to_be_visible()
    label = re.compile("Drop pictures anywhere|Take or choose a photo")
    expect(page.locator("#upload").get_by_label(label)).to_have_attribute("type", "file")
    expect(page.get_by_role("application", name="Drawing pad")).to_be_visible()
    snapshot = page.locator("body").aria_snapshot()
    assert not re.search(r"- (button|link|textbox|radio|option|img)$", snapshot, re.MULTILINE), snapshot


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1280, 1920])
def test_no_width_needs_scrolling_sideways(width: int, browser: Browser, server: Server) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{server.url}/mnist/classify")
    upload(page, IMGS / "0-7.png", IMGS / "1-2.png")
    expect(page.locator("#progress")).to_have_class("done")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_in_both_themes(theme: Literal["light", "dark"], browser: Browser, server: Server) -> None:
    page = browser.new_page(color_scheme=theme)
    page.goto(f"{server.url}/mnist/classify")
    colours: dict[str, str] = page.evaluate(
        """() => Object.fromEntries(
          ["paper", "panel", "well", "bar", "ink", "soft", "accent", "on-accent", "right", "wrong"].map((name) => [
            name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)]))"""
    )
    pairs = [("ink", "paper"), ("ink", "panel"), ("ink", "well"), ("ink", "bar"), ("soft", "paper"), ("soft", "panel")]
    pairs += [("accent", "paper"), ("accent", "panel"), ("on-accent", "accent"), ("right", "panel"), ("wrong", "panel")]
    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light dark"
    page.close()


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, #rgb or #rrggbb (WCAG 2.2, 1.4.3)."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour.strip().removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    shares = [value / 255 for value in bytes.fromhex(digits)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_nothing_moves_for_those_who_ask_so(browser: Browser, server: Server) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{server.url}/mnist/classify")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#bars > span'), '::before').transitionDuration") == "0s"
    )
    page.close()


def test_the_form_uploads_without_javascript(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/mnist/classify")
    expect(page.locator("#draw, #answer, #samples, #results").first).to_be_hidden()
    page.locator("#files").set_input_files(IMGS / "0-7.png")
    page.get_by_role("button", name="Classify").click()
    expect(page.locator("body")).to_have_text('{"cls":7,"fn":"0-7.png"}')
    context.close()
