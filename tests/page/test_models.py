"""What differs from model to model: title, question, samples, hints, the pad; and the menu between them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.conftest import IMGS, OpenPage
from tests.page.models import CLASSES, photo_model
from tests.serving import Server, serve

COLOURS = json.dumps(["red", "green", "blue", *(f"no-{index}" for index in range(3, CLASSES))])


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Small models: one that says all about itself and has a sample, 28 that say nothing, and MNIST's."""
    folder = tmp_path_factory.mktemp("models")
    keys = {"labels": COLOURS, "title": "Colours & <hues>", "question": "Which colour is it?"}
    photo_model(folder / "colours/1/model.onnx", 32, **keys)
    (folder / "colours/samples").mkdir()
    shutil.copy(IMGS / "sticky-6.png", folder / "colours/samples/1-red.png")
    for index in range(28):
        photo_model(folder / f"small_net-{index}/1/model.onnx", 32)
    shutil.copytree("models/mnist", folder / "mnist", ignore=shutil.ignore_patterns("samples"))
    with serve({"SERVICE_MODELS": str(folder)}) as server:
        yield server


def test_the_headline_is_the_models_question(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/colours/classify")
    expect(page.get_by_role("heading", level=1)).to_have_text("Which colour is it?")
    expect(page.locator(".brand")).to_have_text("Colours & <hues>")
    expect(page).to_have_title("Colours & <hues>: upload and classify")


def test_without_one_it_is_the_name_in_plain_words(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/small_net-7/classify")
    expect(page.get_by_role("heading", level=1)).to_have_text("small net 7")
    expect(page.locator(".brand")).to_have_text("Upload and classify")


def test_samples_and_hints_are_the_models_own(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/colours/classify")
    expect(page.locator("#class")).to_have_text("red")
    expect(page.locator("#shown-name")).to_have_text("1-red.png")
    expect(page.locator("#upload small")).to_contain_text("12-no-999.png")
    expect(page.locator("#curl")).to_contain_text("1-red.png")
    page.get_by_role("button", name="Classify 1-red.png").click()
    expect(page.locator("#note")).to_contain_text("right")
    assert httpx.get(f"{thirty.url}/mnist/samples/1-red.png").status_code == 404


def test_none_are_shown_where_there_are_none(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/small_net-7/classify")
    expect(page.locator("#samples")).to_be_hidden()
    expect(page.locator("#upload small")).to_have_text("Pasting works, too.")
    expect(page.locator("#answer")).to_have_attribute("data-state", "empty")
    expect(page.locator("#nothing")).to_be_visible()
    assert "0-7.png" not in page.content()


def test_only_a_model_of_glyphs_has_a_pad(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/mnist/classify")
    expect(page.locator("#draw")).to_be_visible()
    page.goto(f"{thirty.url}/colours/classify")
    expect(page.locator("#draw")).to_be_hidden()


def test_the_menu_finds_one_of_many(open_page: OpenPage, thirty: Server) -> None:
    page = open_page(f"{thirty.url}/mnist/classify")
    page.get_by_role("button", name="30 models").click()
    links = page.get_by_role("navigation", name="Models").get_by_role("link")
    expect(links).to_have_count(30)
    expect(page.get_by_role("link", name="Handwritten digits")).to_have_attribute("aria-current", "page")
    page.get_by_role("searchbox", name="Find a model").fill("net 17")
    expect(links).to_have_text([re.compile("small net 17")])
    page.get_by_role("searchbox").fill("none such")
    expect(page.locator("#found")).to_be_visible()
    page.get_by_role("searchbox").fill("HUES")
    links.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which colour is it?")


def test_the_menu_needs_no_javascript(browser: Browser, thirty: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{thirty.url}/mnist/classify")
    page.get_by_role("button", name="30 models").click()
    page.get_by_role("link", name="small net 3", exact=False).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("small net 3"))
    context.close()


def test_a_sample_has_its_answer_without_javascript(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page: Page = context.new_page()
    page.goto(f"{server.url}/mnist/classify")
    expect(page.locator("#class")).to_have_text("7")
    expect(page.locator("#bars > span").first).to_have_text(re.compile(r"^7\s*\d+\.\d %$"))
    for picture in ("#shown", "#seen"):
        expect(page.locator(picture)).to_be_visible()
    for control in ("#copy", "#choose-part", "#draw", "#samples", "#curl"):
        expect(page.locator(control)).to_be_hidden()
    context.close()


def test_what_the_page_answers_is_what_the_server_answers(server: Server) -> None:
    html = httpx.get(f"{server.url}/mnist/classify").text
    files = {"file": ("0-7.png", (IMGS / "0-7.png").read_bytes())}
    answer = httpx.post(f"{server.url}/mnist/classify?top=5", files=files).json()
    found = re.search('data-example="(.*?)"', html)
    assert found is not None
    example = json.loads(found[1].replace("&quot;", '"'))
    assert (example["cls"], example["fn"]) == (answer["cls"], answer["fn"])
    assert [[label, round(share, 4)] for label, share in example["top"]] == answer["top"]


def test_without_an_answer_the_page_asks_for_the_first_sample(browser: Browser, server: Server) -> None:
    """As of a model that has come since the server started."""

    def forget(route: Route) -> None:
        response = route.fetch()
        html = re.sub('data-state="done" data-example=".*?"', 'data-state="empty" data-example=""', response.text())
        route.fulfill(response=response, body=html)

    page = browser.new_page()
    page.route("**/mnist/classify", forget)
    page.goto(f"{server.url}/mnist/classify")
    expect(page.locator("#note")).to_contain_text("ms")
    expect(page.locator("#class")).to_have_text("7")
    expect(page.locator("#shown-name")).to_have_text("0-7.png")
    expect(page.locator("#results")).to_be_hidden()
    page.close()


def test_a_sample_that_is_no_picture_stops_nothing(tmp_path: Path) -> None:
    photo_model(tmp_path / "net/1/model.onnx", 32)
    (tmp_path / "net/samples").mkdir()
    (tmp_path / "net/samples/1.png").write_bytes(b"no")
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server:
        html = httpx.get(f"{server.url}/net/classify").text
    assert 'data-state="empty"' in html
    assert any("net: the sample 1.png is not shown with its answer" in line for line in server.log)


def test_the_samples_of_the_repository_s_model_are_those_of_imgs() -> None:
    """Copies, for a link is a plain file on Windows, in some archives and in some copies of a repository."""
    samples = {path.name: path.read_bytes() for path in Path("models/mnist/samples").iterdir()}
    assert samples == {path.name: path.read_bytes() for path in IMGS.glob("*.png")}
