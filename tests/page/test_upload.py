"""Files on their way in, and their results."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import IMGS, shifts, upload

HOSTILE = [
    "<img src=x onerror=alert(1)>.png",
    "\"><script>alert('1')<!--.png",
    "=HYPERLINK(1).png",
    "a;b, c$(touch x)`y`%0a&?#é☃ 'q' \"d\"\\.png",
]


def card(page: Page, name: str) -> str:
    """What the card of that file says, once it has its answer: class and mark."""
    option = page.get_by_role("option").nth(page.locator(".fn").all_text_contents().index(name))
    expect(option.locator(".label")).not_to_have_text("…")
    return " ".join(option.locator(part).inner_text() for part in (".label", ".mark")).strip()


def read_csv(file: Path) -> list[dict[str, str]]:
    """The rows, by column."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def test_a_chosen_file_gets_its_class(page: Page) -> None:
    upload(page, IMGS / "0-7.png")
    expect(page.locator("#class")).to_have_text("7")
    expect(page.locator("#note")).to_have_text(re.compile(r"\d\s%.*\d\sms.*right", re.DOTALL))
    expect(page.locator("#bars > span")).to_have_count(5)
    expect(page.locator("#shown")).to_be_visible()
    expect(page.locator("#seen")).to_be_visible()
    expect(page.locator("#seen")).to_have_attribute("src", re.compile("^blob:"))
    assert page.locator("#seen").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    assert card(page, "0-7.png") == "7 ✓ right"


def test_files_and_folders_may_be_dropped_anywhere(page: Page, tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    for number in range(120):  # more than a browser lists at once
        (tmp_path / f"deep/{number}-7.png").write_bytes((IMGS / "0-7.png").read_bytes())
    (tmp_path / "deep/er/500-2.png").write_bytes((IMGS / "1-2.png").read_bytes())
    (tmp_path / "deep/notes.txt").touch()
    data = {"items": [], "files": [str(tmp_path / "deep"), str((IMGS / "3-0.png").resolve())], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 9, "y": 9, "data": data})
    expect(page.locator("body")).to_have_class("dragging")
    devtools.send("Input.dispatchDragEvent", {"type": "drop", "x": 9, "y": 9, "data": data})
    expect(page.locator("#summary")).to_contain_text("122 files · 100.0 % right (122 of 122)")
    expect(page.locator("body")).not_to_have_class("dragging")


def test_a_picture_may_be_pasted(page: Page) -> None:
    page.evaluate(
        """async () => {
          const picture = await (await fetch("samples/0-7.png")).blob();
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([picture], "image.png", { type: "image/png" }));
          dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }"""
    )
    expect(page.locator("#class")).to_have_text("7")
    assert card(page, "image.png") == "7"


def test_a_bad_file_shows_the_servers_sentence(page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes((IMGS / "0-7.png").read_bytes()[:100])
    upload(page, bad)
    expect(page.locator("#sentence")).to_have_text(re.compile("bad.png: truncated PNG: .*"))
    expect(page.locator("#seen")).to_be_hidden()
    expect(page.locator(".card .sentence")).to_have_text(re.compile("^truncated PNG"))
    expect(page.locator("[data-count=refused]")).to_have_text("1")


def test_500_files(page: Page, five_hundred: list[Path], tmp_path: Path) -> None:
    upload(page, *five_hundred)
    expect(page.locator("#summary")).to_have_text(
        re.compile(r"^500 files · 98.0\s% right \(490 of 500\) · \d+ files/s$"), timeout=60_000
    )
    expect(page.get_by_role("option")).to_have_count(500)
    assert page.locator("#progress").evaluate("bar => [bar.value, bar.max]") == [500, 500]
    expect(page.get_by_role("status")).to_contain_text("500 files")
    # Before the clicks: what moves later than half a second after one, on a busy machine, counts as a shift, too.
    assert shifts(page) < 0.01
    page.get_by_text("Wrong").click()
    expect(page.locator(".card:visible")).to_have_count(10)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    rows = read_csv(tmp_path / "results.csv")
    assert [row["file"] for row in rows] == [file.name for file in five_hundred]
    assert [row["right"] for row in rows] == ["true"] * 490 + ["false"] * 10
    assert all(float(row["probability"]) > 0 < float(row["latency_ms"]) for row in rows)
    page.get_by_role("button", name="Clear").last.click()
    expect(page.locator("#results")).to_be_hidden()


def test_at_most_five_requests_at_a_time(page: Page, five_hundred: list[Path]) -> None:
    page.evaluate(
        """() => {
          const { open, send } = XMLHttpRequest.prototype;
          window.now = window.most = 0;
          XMLHttpRequest.prototype.open = function (method, path) {
            this.counts = path.startsWith("classify");
            open.call(this, method, path);
          };
          XMLHttpRequest.prototype.send = function (body) {
            if (this.counts) {
              window.most = Math.max(window.most, ++window.now);
              this.addEventListener("loadend", () => window.now--);
            }
            send.call(this, body);
          };
        }"""
    )
    upload(page, *five_hundred[:60])
    expect(page.locator("#summary")).to_contain_text("60 files · 100.0 % right (60 of 60)")
    assert page.evaluate("window.most") == 5


def test_hostile_names_are_text(page: Page, tmp_path: Path) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"the page ran {dialog.message}"))
    files = [{"name": name, "mimeType": "image/png", "buffer": (IMGS / "0-7.png").read_bytes()} for name in HOSTILE]
    page.locator("#files").set_input_files(files)  # type: ignore[arg-type]  # a list of FilePayload
    expect(page.locator("#summary")).to_contain_text(f"{len(HOSTILE)} files")
    shown = page.locator(".fn").all_text_contents()
    assert sorted(shown) == sorted(HOSTILE)
    for name in HOSTILE:
        assert card(page, name) == "7"
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    download.value.save_as(tmp_path / "results.csv")
    names = [row["file"] for row in read_csv(tmp_path / "results.csv")]
    assert sorted(names) == sorted(f"'{name}" if name.startswith("=") else name for name in HOSTILE)


@pytest.mark.parametrize("name", ["0-7.png", 'it\'s "a", $(touch x); `y` é & \\ b.png'])
def test_the_curl_line_can_be_pasted_into_a_shell(name: str, page: Page, tmp_path: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    (tmp_path / name).write_bytes((IMGS / "0-7.png").read_bytes())
    upload(page, tmp_path / name)
    expect(page.locator("#class")).to_have_text("7")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["cls"] == 7
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_result_may_be_chosen_again(page: Page) -> None:
    upload(page, IMGS / "0-7.png", IMGS / "1-2.png")
    expect(page.locator("#summary")).to_contain_text("2 files")
    page.get_by_role("option").nth(1).click()
    expect(page.locator("#class")).to_have_text("2")
    expect(page.locator("#shown-name")).to_have_text("1-2.png")
