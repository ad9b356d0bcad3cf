"""axe-core, all of its rules, finds nothing in any state of the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.page.conftest import OpenPage
from tests.page.states import STATES, menu
from tests.serving import Server

RUN = """async () => {
  const rules = Object.fromEntries(axe.getRules().map(({ ruleId }) => [ruleId, { enabled: true }]));
  delete rules["color-contrast-enhanced"]; // AAA; the others of that level hold
  const { violations } = await axe.run(document, { rules });
  return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))]);
}"""


def find_violations(page: Page, node_modules: Path) -> list[list[str]]:
    """Each rule that is broken, with the elements that break it."""
    page.evaluate((node_modules / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    violations: list[list[str]] = page.evaluate(RUN)
    return violations


@pytest.mark.parametrize("state", STATES)
def test_no_state_has_a_violation(state: str, page: Page, node_modules: Path) -> None:
    STATES[state](page)
    assert find_violations(page, node_modules) == []


def test_the_menu_and_a_page_without_samples_have_none(open_page: OpenPage, models: Server, node_modules: Path) -> None:
    page = open_page(f"{models.url}/photo/classify")
    assert find_violations(page, node_modules) == []
    menu(page)
    assert find_violations(page, node_modules) == []


def test_the_list_has_none(open_page: OpenPage, models: Server, node_modules: Path) -> None:
    assert find_violations(open_page(models.url), node_modules) == []


def test_it_would_find_some(page: Page, node_modules: Path) -> None:
    page.locator("#copy").evaluate("button => (button.ariaLabel = 'Paste')")
    page.locator("#note").evaluate("note => (note.style.color = 'var(--line)')")
    broken = {rule for rule, *_ in find_violations(page, node_modules)}
    assert broken == {"label-content-name-mismatch", "color-contrast"}
