"""What people do, and what happens to them, that nobody plans for."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from tests.page.conftest import IMGS, OpenPage, upload
from tests.page.models import photo_model
from tests.page.test_draw import ONE, draw, has_ink, on_page
from tests.page.test_upload import read_csv
from tests.serving import Server, serve

SENDING = """() => {
  const { open, send } = XMLHttpRequest.prototype;
  window.now = window.most = 0;
  XMLHttpRequest.prototype.open = function (...words) {
    this.upload.addEventListener("loadend", () => window.now--);  // before the page hears it
    open.apply(this, words);
  };
  XMLHttpRequest.prototype.send = function (body) {
    window.most = Math.max(window.most, ++window.now);
    send.call(this, body);
  };
}"""
FIT = """(sheet) => {
  const { width, height } = sheet.getBoundingClientRect(), image = sheet.querySelector("img");
  return [image.naturalWidth, width / height, width];
}"""


def test_the_page_opens_where_a_key_is_wanted(browser: Browser) -> None:
    """By a direct link; scripts and pictures lie outside the path that the browser has the key for."""
    with serve({"SERVICE_API_KEY": "secret"}) as server:
        context = browser.new_context(http_credentials={"username": "me", "password": "secret"})
        page = context.new_page()
        page.goto(f"{server.url}/mnist/classify")
        upload(page, IMGS / "1-2.png")
        expect(page.locator("#class")).to_have_text("2")
        expect(page.locator("#curl")).to_contain_text("curl -H 'X-API-Key: …' -F file=@1-2.png http")
        context.close()


def test_large_files_are_sent_one_after_the_other(page: Page, tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for file in files:
        Image.fromarray(draws.integers(0, 256, (400, 400, 3), np.uint8)).save(file)
    page.evaluate(SENDING)
    upload(page, *files)
    expect(page.locator("#summary")).to_contain_text("5 files")
    expect(page.locator("#progress")).to_have_class("done")
    assert page.evaluate("window.most") == 1


def test_a_cancelled_large_file_lets_the_next_one_go(page: Page, tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        Image.fromarray(draws.integers(0, 256, (400, 400, 3), np.uint8)).save(file)
    page.route("**/classify?*", lambda route: None)
    upload(page, *files)
    page.locator("#cancel").click()
    page.unroute("**/classify?*")
    upload(page, files[0])
    expect(page.locator("#summary")).to_contain_text("4 files · 3 cancelled")
    expect(page.locator("#progress")).to_have_class("done")


def test_a_screen_reader_hears_the_class(page: Page, tmp_path: Path) -> None:
    upload(page, IMGS / "0-7.png")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^7, \d+\.\d\s%, 1 file, 100.0\s% right"))
    (tmp_path / "a.txt").write_text("hello")
    upload(page, tmp_path / "a.txt")
    expect(page.get_by_role("status")).to_contain_text("a.txt: this is no picture")


@pytest.mark.parametrize("size", [(667, 320), (640, 300), (320, 256), (740, 360)])
def test_the_pad_has_room_on_any_screen(size: tuple[int, int], browser: Browser, server: Server) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(f"{server.url}/mnist/classify")
    box = page.locator("#pad").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] >= 190
    page.close()


@pytest.mark.parametrize("screen", [(740, 360), (1280, 800), (320, 256)])
@pytest.mark.parametrize("shape", [(300, 400), (1200, 250), (40, 900)])
def test_the_box_is_drawn_on_the_whole_picture(
    screen: tuple[int, int], shape: tuple[int, int], browser: Browser, server: Server, tmp_path: Path
) -> None:
    """The sheet has the picture's proportions, so that shares of it are shares of the picture."""
    Image.new("RGB", (shape[1], shape[0]), "red").save(tmp_path / "red.png")
    page = browser.new_page(viewport={"width": screen[0], "height": screen[1]})
    page.goto(f"{server.url}/mnist/classify")
    upload(page, tmp_path / "red.png")
    expect(page.locator("#progress")).to_have_class("done")
    page.locator("#choose-part").click()
    expect(page.locator(".sheet img")).to_have_js_property("naturalWidth", shape[1])
    natural, ratio, width = page.locator(".sheet").evaluate(FIT)
    filled = page.locator(".sheet img").evaluate("image => getComputedStyle(image).objectFit")
    assert (natural, filled) == (shape[1], "fill")
    assert width >= 48
    if 0.3 < shape[1] / shape[0] < 3:
        assert ratio == pytest.approx(shape[1] / shape[0], rel=0.03)
    page.close()


def test_a_double_click_asks_once(page: Page) -> None:
    upload(page, IMGS / "photo-3.png")
    expect(page.locator("#summary")).to_contain_text("1 file")
    page.locator("#choose-part").click()
    page.locator("#part-go").dblclick(force=True, no_wait_after=True)
    expect(page.locator("#summary")).to_contain_text("2 files")
    expect(page.locator("#progress")).to_have_class("done")
    expect(page.get_by_role("option")).to_have_count(2)


def test_no_curl_line_is_offered_for_what_the_server_does_not_take(page: Page, tmp_path: Path) -> None:
    with Image.open(IMGS / "photo-3.png") as image:
        image.convert("RGB").save(tmp_path / "photo.jpg")
    upload(page, tmp_path / "photo.jpg")
    expect(page.locator("#class")).to_have_text("3")
    expect(page.locator("#curl")).to_be_hidden()
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#curl")).to_be_visible()
    page.locator("#choose-part").click()
    page.locator("#part-go").click()
    expect(page.locator("#shown-name")).to_have_text("part of 0-7.png")
    expect(page.locator("#curl")).to_be_hidden()


def test_a_large_png_is_made_smaller_as_every_large_picture(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with Image.open(IMGS / "photo-3.png") as image:
        image.convert("L").resize((6000, 6000)).save(large, compress_level=1)
    upload(page, large)
    expect(page.locator("#class")).to_have_text("3")
    expect(page.locator("#note")).to_contain_text("ms")


def test_labels_are_those_of_now(page: Page) -> None:
    """The model has been replaced while the page is open."""
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#summary")).to_contain_text("1 file · 100.0 % right (1 of 1)")
    page.route("**/v2/models/mnist", lambda route: route.fulfill(json={"parameters": {"labels": ["seven"]}}))
    answer = {"cls": "seven", "fn": "12-seven.png", "top": [["seven", 1]]}
    page.route("**/classify?*", lambda route: route.fulfill(json=answer))
    seven = FilePayload(name="12-seven.png", mimeType="image/png", buffer=(IMGS / "0-7.png").read_bytes())
    page.locator("#files").set_input_files(seven)
    expect(page.locator("#summary")).to_contain_text("2 files · 100.0 % right (2 of 2)")


@pytest.mark.parametrize(
    ("name", "is_sample", "claim"),
    [
        ("12-T-shirt.png", False, "T-shirt"),
        ("12-T-shirt.png", True, "T-shirt"),
        ("chalk-shirt.png", True, "shirt"),
        ("chalk-shirt.png", False, None),
        ("1-gru\u0308n.png", False, "grün"),  # as macOS writes it
        ("1-trousers.png", True, None),
        ("shirt.png", True, None),
    ],
)
def test_the_class_that_a_name_tells(name: str, is_sample: bool, claim: str | None, page: Page) -> None:
    assert (
        page.evaluate(
            """async ([name, isSample]) =>
              (await import("/assets/results.js")).claimOf(name, ["shirt", "T-shirt", "grün"], isSample) ?? null""",
            [name, is_sample],
        )
        == claim
    )


def test_arrows_go_the_right_way_in_a_single_row(page: Page) -> None:
    buttons = page.locator("#samples li button")
    buttons.first.focus()
    page.keyboard.press("ArrowDown")
    expect(buttons.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(buttons.first).to_be_focused()


def test_a_late_sample_does_not_take_the_drawings_place(page: Page) -> None:
    waiting: list[Route] = []
    page.route("**/samples/chalk-8.png", lambda route: waiting.append(route))  # Playwright marks what it calls
    page.get_by_role("button", name="Classify chalk-8.png").click()
    draw(page, ONE)
    expect(page.locator("#class")).to_have_text("1")
    waiting[0].continue_()
    expect(page.locator("#summary")).to_contain_text("1 file")
    expect(page.locator("#progress")).to_have_class("done")
    expect(page.locator("#shown-name")).to_have_text("drawing.png")


def test_clearing_the_results_leaves_the_drawing(page: Page) -> None:
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#progress")).to_have_class("done")
    draw(page, ONE)
    expect(page.locator("#class")).to_have_text("1")
    page.locator("#clear").click()
    expect(page.locator("#class")).to_have_text("1")


def test_nothing_is_drawn_between_two_strokes(page: Page) -> None:
    """Undone while the mouse is down, or by another pen than that which goes on."""
    draw(page, [(0.1, 0.1), (0.15, 0.1)])
    first, second = on_page(page, [(0.9, 0.2), (0.9, 0.9)])
    page.mouse.move(*first)
    page.mouse.down()
    page.locator("#pad").press("Backspace")
    page.mouse.move(*second)
    page.mouse.up()
    assert not has_ink(page, 0.5, 0.5)
    assert not has_ink(page, 0.9, 0.9)
    assert has_ink(page, 0.1, 0.1)
    page.locator("#wipe").click()
    page.locator("#pad").focus()
    page.keyboard.press("Space")  # puts the pen down in the middle
    draw(page, [(0.1, 0.1), (0.15, 0.1)])
    page.keyboard.press("ArrowDown")
    assert not has_ink(page, 0.3, 0.3)
    expect(page.locator("#pen")).not_to_have_class("down")


def test_files_chosen_before_the_scripts_have_come_are_taken(open_page: OpenPage, server: Server) -> None:
    page = open_page("about:blank")
    waiting: list[Route] = []
    page.route("**/assets/main.js", lambda route: waiting.append(route))  # Playwright marks what it calls
    page.goto(f"{server.url}/mnist/classify", wait_until="commit")
    upload(page, IMGS / "1-2.png")
    waiting[0].continue_()
    expect(page.locator("#class")).to_have_text("2")
    expect(page.locator("#summary")).to_contain_text("1 file")


def test_a_folder_without_pictures_says_so_and_files_of_folders_keep_their_paths(page: Page, tmp_path: Path) -> None:
    for folder, name in (("seven", "0-7.png"), ("two", "1-2.png")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "001.png").write_bytes((IMGS / name).read_bytes())
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("hello")
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone/a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    devtools = page.context.new_cdp_session(page)

    def drop(*names: str) -> None:
        data = {"items": [], "files": [str(tmp_path / name) for name in names], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 9, "y": 9, "data": data})

    drop("seven", "two")
    expect(page.locator("#summary")).to_contain_text("2 files")
    expect(page.locator("#progress")).to_have_class("done")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    assert [(row["file"], row["class"]) for row in read_csv(tmp_path / "results.csv")] == [
        ("seven/001.png", "7"),
        ("two/001.png", "2"),
    ]
    drop("texts")
    expect(page.locator(".card .sentence").last).to_contain_text("this is no picture")
    drop("phone")
    expect(page.locator(".card .sentence").last).to_contain_text("a HEIC file")


def test_one_card_is_a_stop_of_the_tab_key(page: Page) -> None:
    wrong = FilePayload(name="5-1.png", mimeType="image/png", buffer=(IMGS / "0-7.png").read_bytes())
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#progress")).to_have_class("done")
    page.locator("#files").set_input_files(wrong)
    expect(page.locator("[data-count=wrong]")).to_have_text("1")
    page.locator(".card").first.click()
    for shown in ("Wrong", "All"):
        page.locator("fieldset").get_by_text(shown).click()
        expect(page.locator(".card[tabindex='0']:visible")).to_have_count(1)


def test_forced_colours_show_what_is_chosen(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    upload(page, IMGS / "0-7.png")
    styles = "span => getComputedStyle(span).outlineStyle"
    assert page.locator("fieldset :checked + span").evaluate(styles) == "solid"
    assert page.locator("fieldset input:not(:checked) + span").first.evaluate(styles) == "none"


def test_a_sample_whose_name_is_no_text_is_left_out(tmp_path: Path) -> None:
    photo_model(tmp_path / "net/1/model.onnx", 32)
    (tmp_path / "net/samples").mkdir()
    for name in (b"\xff.png", b"good.png"):
        file = bytes(tmp_path / "net/samples") + b"/" + name
        with open(file, "wb") as sample:
            sample.write((IMGS / "0-7.png").read_bytes())
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server:
        answer = httpx.get(f"{server.url}/net/classify")
    assert answer.status_code == 200
    assert "good.png" in answer.text
    assert any("1 samples have names that no page can hold" in line for line in server.log)
