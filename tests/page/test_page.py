"""What the server sends for the page, without a browser."""

from __future__ import annotations

import re
import shutil
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.page.conftest import IMGS, OpenPage
from tests.page.models import LABEL, photo_model
from tests.serving import Server, serve

ASSETS, ICON = Path("service/page/assets"), Path("service/page/icon.svg")
TYPES = {".js": "text/javascript", ".css": "text/css"}


def test_the_first_load_is_small(browser: Browser, server: Server) -> None:
    context = browser.new_context()
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    urls: list[str] = []
    sizes: list[float] = []
    page.on("request", lambda request: urls.append(request.url))
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"{server.url}/mnist/classify", wait_until="networkidle")
    assert 3 < len([url for url in urls if not url.startswith("data:")]) <= 12  # a data: address is in the page itself
    assert 10_000 < sum(sizes) < 60_000
    context.close()


@pytest.mark.parametrize("path", ["mnist/classify", "", "assets/main.js", "assets/page.css"])
def test_text_is_compressed_for_who_takes_that(path: str, models: Server, server: Server) -> None:
    url = f"{(server if path else models).url}/{path}"
    plain, gzip = (httpx.get(url, headers={"accept-encoding": coding}) for coding in ("identity", "br, gzip;q=0.5"))
    refused = httpx.get(url, headers={"accept-encoding": "gzip;q=0, deflate"})
    assert "content-encoding" not in {**plain.headers, **refused.headers}
    assert (gzip.headers["content-encoding"], gzip.headers["vary"]) == ("gzip", "accept-encoding")
    assert gzip.content == plain.content == refused.content
    assert int(gzip.headers["content-length"]) < int(plain.headers["content-length"]) * 0.75


def test_the_page_comes_under_a_strict_policy(server: Server) -> None:
    headers = httpx.get(f"{server.url}/mnist/classify").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_nothing_from_elsewhere(server: Server) -> None:
    html = httpx.get(f"{server.url}/mnist/classify").text
    sources = [html, *(path.read_text() for path in [*ASSETS.iterdir(), ICON])]
    assert [url for source in sources for url in re.findall(r"https?://[^\s\"']+", source)] == [
        "http://www.w3.org/2000/svg"  # a namespace
    ]
    assert not any(re.search(r"innerHTML|\beval\(|style=|\son\w+=\"", source) for source in sources)


@pytest.mark.parametrize("path", ["mnist/classify", "assets/main.js", "mnist/samples/0-7.png"])
def test_what_a_browser_has_is_not_sent_again(path: str, server: Server) -> None:
    first = httpx.get(f"{server.url}/{path}")
    again = httpx.get(f"{server.url}/{path}", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert (again.status_code, again.content) == (304, b"")


def test_every_asset_has_its_type(server: Server) -> None:
    for path in ASSETS.iterdir():
        answer = httpx.get(f"{server.url}/assets/{path.name}")
        kind = answer.headers["content-type"].partition(";")[0]
        assert (answer.status_code, kind, answer.headers["x-content-type-options"]) == (
            200,
            TYPES[path.suffix],
            "nosniff",
        )


@pytest.mark.parametrize("path", ["none.png", "README.md", "..%2f1%2fmodel.onnx", "../../none/samples/0-7.png"])
def test_no_other_file_is_a_sample(path: str, server: Server) -> None:
    assert httpx.get(f"{server.url}/mnist/samples/{path}").status_code == 404


@pytest.mark.parametrize("path", ["none.js", "..%2fpage.py", "../service/page/page.py"])
def test_no_other_file_is_an_asset(path: str, server: Server) -> None:
    assert httpx.get(f"{server.url}/assets/{path}").status_code == 404


def test_only_pictures_are_samples(tmp_path: Path) -> None:
    photo_model(tmp_path / "photo/1/model.onnx")
    samples = tmp_path / "photo/samples"
    samples.mkdir()
    for name in ("10-1.png", "2-1.png", 'it\'s "<b>".png'):
        shutil.copy(IMGS / "0-7.png", samples / name)
    (samples / "notes.txt").touch()
    (samples / "11-1.png").write_bytes(b"no picture")
    (samples / "folder.png").mkdir()
    with serve({"SERVICE_MODELS": str(tmp_path)}) as server:
        html = httpx.get(f"{server.url}/photo/classify").text
    assert re.findall('data-names="(.*?)"', html) == ["it&#x27;s &quot;&lt;b&gt;&quot;/2-1/10-1/11-1"]
    assert re.findall('button value="(.*?)"', html) == ["it&#x27;s &quot;&lt;b&gt;&quot;.png", "2-1.png", "10-1.png"]
    assert any("The sample" in line and "11-1.png is not shown" in line for line in server.log)


def test_the_input_is_what_the_model_sees(server: Server) -> None:
    answer = httpx.post(f"{server.url}/mnist/input", files={"file": (IMGS / "large-9.png").read_bytes()})
    with Image.open(BytesIO(answer.content)) as image:
        assert (answer.status_code, answer.headers["content-type"], image.mode) == (200, "image/png", "L")
        assert image.size == (28, 28)


def test_the_input_of_a_bad_file_is_the_same_sentence(server: Server) -> None:
    answers = [httpx.post(f"{server.url}/mnist/{what}", files={"file": b"no"}) for what in ("classify", "input")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_an_unknown_model_has_no_input(server: Server) -> None:
    answer = httpx.post(f"{server.url}/none/input", files={"file": b""})
    assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_the_page_states_the_model(open_page: OpenPage, server: Server) -> None:
    page = open_page(server.url)
    expect(page.locator("dl")).to_be_hidden()
    page.locator("summary").click()
    expect(page.locator("dl")).to_contain_text(re.compile(r"Version\s*1.*(CPU|CUDA).*28 . 28 grey", re.DOTALL))
    expect(page.locator("dl")).to_contain_text("0 1 2 3 4 5 6 7 8 9")
    expect(page.get_by_role("link", name="Metadata")).to_have_attribute("href", "../v2/models/mnist")
    links = page.get_by_role("list", name="Interfaces").get_by_role("link")
    for href in [link.get_attribute("href") for link in links.all()]:
        assert href is not None
        assert httpx.get(f"{server.url}/{href.removeprefix('../')}").status_code == 200


def test_a_model_for_photographs_has_no_canvas(open_page: OpenPage, models: Server) -> None:
    page = open_page(f"{models.url}/photo/classify")
    page.locator("summary").click()
    expect(page.locator("dl")).to_contain_text(re.compile("224 . 224 colour"))
    expect(page.locator("#draw")).to_be_hidden()
    expect(page.locator("#samples")).to_be_hidden()
    page.get_by_role("button", name="show them").click()
    expect(page.locator("#labels li")).to_have_count(1000)
    expect(page.locator("#labels li").last).to_have_text(f"{LABEL} 999")
    page.keyboard.press("Escape")
    expect(page.locator("#labels")).to_be_hidden()
    page.locator("#files").set_input_files("imgs/sticky-6.png")
    expect(page.locator("#class")).to_have_text(re.compile(re.escape(LABEL)))
    page.get_by_role("button", name="2 models").click()
    page.get_by_role("link", name="other").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("other")
