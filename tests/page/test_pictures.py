"""Pictures of other formats become PNGs in the page; PNGs stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import IMGS, upload
from tests.page.states import HEIC

ROTATED = 6  # EXIF's word for a picture that is to be turned by 90° clockwise


WATCH = """() => {
  const { open, send } = XMLHttpRequest.prototype;
  window.sent = [];
  XMLHttpRequest.prototype.open = function (method, path) {
    this.asks = path.startsWith("classify");
    open.call(this, method, path);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (this.asks) window.sent.push(body);
    send.call(this, body);
  };
}"""
READ = """async () => Promise.all(window.sent.map(async (body) => [...new Uint8Array(await body.arrayBuffer())]))"""
Sent = Callable[[], list[bytes]]


@pytest.fixture
def sent(page: Page) -> Sent:
    """Gives the bodies of the requests for a class so far, which Chromium does not tell of files."""
    page.evaluate(WATCH)
    return lambda: [bytes(body) for body in page.evaluate(READ)]


def wait_for(page: Page, state: str) -> None:
    expect(page.locator("#answer")).to_have_attribute("data-state", re.compile(state))


@pytest.mark.parametrize("suffix", ["jpg", "webp", "gif", "bmp"])
def test_a_picture_of_another_format_is_classified(suffix: str, page: Page, tmp_path: Path, sent: Sent) -> None:
    file = tmp_path / f"12-3.{suffix}"
    with Image.open(IMGS / "photo-3.png") as image:
        image.convert("RGB").save(file)
    upload(page, file)
    expect(page.locator("#class")).to_have_text("3")
    expect(page.locator("#note")).to_contain_text("right")
    with Image.open(BytesIO(sent()[0])) as image:
        assert (image.format, image.size) == ("PNG", (360, 480))


def test_a_telephones_picture_is_turned_upright_and_scaled_down(page: Page, tmp_path: Path, sent: Sent) -> None:
    file = tmp_path / "IMG_1.jpg"
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    with Image.open(IMGS / "photo-3.png") as image:
        lying = image.convert("RGB").resize((3024, 4032), Image.Resampling.BICUBIC).rotate(90, expand=True)
    lying.save(file, exif=exif, quality=95)
    upload(page, file)
    expect(page.locator("#class")).to_have_text("3")
    with Image.open(BytesIO(sent()[0])) as image:
        assert image.size == (768, 1024)


def test_colours_stay_as_the_file_has_them(page: Page, tmp_path: Path, sent: Sent) -> None:
    file = tmp_path / "a.webp"
    rng = np.random.default_rng(17)
    pixels = rng.integers(0, 256, (40, 50, 3), np.uint8)
    profile = b"not a profile that anybody applies"
    Image.fromarray(pixels).save(file, lossless=True, icc_profile=profile)
    upload(page, file)
    wait_for(page, "done|unsure")
    with Image.open(BytesIO(sent()[0])) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


@pytest.mark.parametrize("name", ["deep16-8.png", "palette-2.png", "transparent-5.png", "large-9.png"])
def test_a_png_goes_byte_for_byte(name: str, page: Page, sent: Sent) -> None:
    upload(page, IMGS / name)
    wait_for(page, "done|unsure")
    assert sent() == [(IMGS / name).read_bytes()]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("IMG_1.heic", HEIC, "this is a HEIC file, which this browser cannot open; save it as JPEG first"),
        ("scan.tif", b"II*\0" + bytes(99), "this is a TIFF or raw file, which this browser cannot open"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "this is an SVG file, a drawing without pixels"),
        ("paper.pdf", b"%PDF-1.7 " + bytes(99), "this is a PDF; take a screenshot of the page"),
        ("film.mp4", b"\0\0\0\x18ftypisom" + bytes(99), "this is a film; take a screenshot of one picture"),
        ("cut.jpg", b"\xff\xd8\xff\xe0" + bytes(99), "this is damaged"),
        ("none.jpg", b"", "this is empty"),
        ("notes.txt", b"milk, bread", "this is no picture that this browser can open"),
    ],
)
def test_what_cannot_be_decoded_is_named(
    name: str, content: bytes, sentence: str, page: Page, tmp_path: Path, sent: Sent
) -> None:
    (tmp_path / name).write_bytes(content)
    upload(page, tmp_path / name)
    expect(page.locator("#sentence")).to_have_text(re.compile(re.escape(f"{name}: {sentence}")))
    expect(page.locator("#seen")).to_be_hidden()
    assert sent() == []


def test_a_part_of_a_photograph_is_classified(page: Page, tmp_path: Path, sent: Sent) -> None:
    """Two digits side by side; the right half is asked about, with the mouse and with keys."""
    both = Image.new("L", (800, 400), 255)
    for left, name in ((0, "fax-5.png"), (400, "large-9.png")):
        with Image.open(IMGS / name) as image:
            both.paste(image.convert("L").resize((400, 400)), (left, 0))
    both.save(tmp_path / "both.jpg", quality=95)
    upload(page, tmp_path / "both.jpg")
    wait_for(page, "done|unsure")
    page.get_by_role("button", name="Classify a part of it").click()
    box = page.locator(".sheet").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
    page.mouse.up()
    page.get_by_role("button", name="Classify it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#shown-name")).to_have_text("part of both.png")
    expect(page.locator("#class")).to_have_text("9")
    with Image.open(BytesIO(sent()[-1])) as image:
        assert abs(image.width - 400) <= 6
        assert abs(image.height - 400) <= 6


def test_keys_choose_a_part(page: Page, sent: Sent) -> None:
    upload(page, IMGS / "large-9.png")  # 900 x 1200
    wait_for(page, "done|unsure")
    page.get_by_role("button", name="Classify a part of it").click()
    expect(page.locator("#box")).to_be_focused()
    for key in ["ArrowLeft"] * 20 + ["ArrowUp"] * 20 + ["Shift+ArrowRight"] * 10:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator("#shown-name")).to_have_text("part of large-9.png")
    wait_for(page, "done|unsure")
    with Image.open(BytesIO(sent()[-1])) as image:
        assert image.size == (630, 600)  # 0.5 and ten times 0.02 of the width, half of the height


def test_what_the_model_sees_of_it_is_framed_where_the_server_tells(page: Page) -> None:
    def tell(route: Route) -> None:
        response = route.fetch(post_data=(IMGS / "large-9.png").read_bytes())  # a file's bytes are not intercepted
        route.fulfill(response=response, headers={**response.headers, "x-region": "90,120,450,600"})

    page.route("**/mnist/input", tell)
    upload(page, IMGS / "large-9.png")
    region = page.locator("#region")
    expect(region).to_be_visible()
    frame, picture = region.bounding_box(), page.locator(".picture").first.bounding_box()
    assert frame is not None
    assert picture is not None
    side = picture["width"]  # of the square in which the picture, 900 x 1200, is shown as large as it fits
    shares = [(frame["x"] - picture["x"]) / side, (frame["y"] - picture["y"]) / side]
    shares += [frame["width"] / side, frame["height"] / side]
    assert shares == pytest.approx([(150 + 90) / 1200, 0.1, 450 / 1200, 0.5], abs=0.01)


def test_nothing_is_framed_where_it_does_not(page: Page) -> None:
    def keep_still(route: Route) -> None:
        response = route.fetch(post_data=(IMGS / "large-9.png").read_bytes())
        headers = {name: value for name, value in response.headers.items() if name != "x-region"}
        route.fulfill(response=response, headers=headers)

    page.route("**/mnist/input", keep_still)
    upload(page, IMGS / "large-9.png")
    expect(page.locator("#seen")).to_have_attribute("src", re.compile("^blob:"))
    expect(page.locator("#region")).to_be_hidden()
