"""The HTML report, looked at and clicked in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from replant.report.report_html import report_as_html
from tests.report.browsers import browsing, find_browser
from tests.support.example_reports import HOSTILE, example_report

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium: `make browser` fetches one, or set REPLANT_TEST_BROWSER"
)

#: The graph keeps itself at the element in which it is drawn.
GRAPH = "document.getElementById('canvas')._cyreg.cy"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    assert BROWSER is not None
    with browsing(BROWSER, tmp_path_factory.mktemp("profile"), offline=True) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


def open_report(page: Page, folder: Path, number: int) -> list[str]:
    """Open a report of so many tables; return what the page complains of and asks the network."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    file = folder / "report.html"
    file.write_text(report_as_html(example_report(number)), encoding="utf-8")
    page.on(
        "request",
        lambda request: (
            complaints.append(request.url) if "report.html" not in request.url else None
        ),
    )
    page.goto(file.as_uri())
    return complaints


def place_of(page: Page, number: int) -> dict[str, float]:
    """Where the node of a table is on the page."""
    canvas = page.locator("#canvas").bounding_box()
    assert canvas is not None
    place: dict[str, Any] = page.evaluate(f"{GRAPH}.getElementById('{number}').renderedPosition()")
    return {"x": canvas["x"] + place["x"], "y": canvas["y"] + place["y"]}


def chosen(page: Page) -> str:
    return page.locator("#chosen").inner_text()


def test_a_click_on_a_table_shows_its_columns_rows_and_differences(
    page: Page, tmp_path: Path
) -> None:
    assert open_report(page, tmp_path, 30) == []
    page.locator("#canvas").scroll_into_view_if_needed()
    name = example_report(30).facts.tables[3].name
    place = place_of(page, 3)
    page.mouse.move(place["x"], place["y"])
    # The graph looks where it is on the page a moment after the page was scrolled.
    page.wait_for_timeout(300)
    page.mouse.click(place["x"], place["y"])
    expect(page.locator("#chosen")).to_contain_text(name)
    shown = chosen(page)
    assert "mask: email" in shown
    assert "How its rows came" in shown
    assert "Compared: content" in shown
    assert re.search(r"id = 2\s+changed\s+name\s+Ben\s+Bob", shown)
    page.screenshot(path=tmp_path / "clicked.png")


def test_the_keyboard_walks_zooms_and_finds(page: Page, tmp_path: Path) -> None:
    assert open_report(page, tmp_path, 30) == []
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    first = chosen(page)
    page.keyboard.press("ArrowRight")
    assert chosen(page) != first
    before = page.evaluate(f"{GRAPH}.zoom()")
    page.keyboard.press("+")
    assert page.evaluate(f"{GRAPH}.zoom()") > before
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "chosen"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "canvas"
    page.locator("#find").fill("script")
    page.keyboard.press("Enter")
    assert HOSTILE in chosen(page)


def test_a_reference_leads_to_its_table_in_graph_and_list(page: Page, tmp_path: Path) -> None:
    assert open_report(page, tmp_path, 30) == []
    page.locator("#table-3 summary").click()
    assert page.locator("#table-3 .body").is_visible()
    page.locator("#find").fill(example_report(30).facts.tables[5].name)
    page.keyboard.press("Enter")
    link = page.locator("#chosen a").first
    referenced = link.inner_text()
    link.click()
    assert chosen(page).startswith(referenced)


def test_five_hundred_tables_are_drawn_apart_and_within_seconds(page: Page, tmp_path: Path) -> None:
    assert open_report(page, tmp_path, 500) == []
    overlaps = page.evaluate(
        f"""(() => {{
            const boxes = {GRAPH}.nodes().map((node) => node.boundingBox());
            const meet = (a, b) => a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
            return boxes.filter((box, place) => boxes.slice(0, place).some((b) => meet(box, b)))
                .length;
        }})()"""
    )
    assert overlaps == 0
    assert page.evaluate(f"{GRAPH}.nodes().length") < 500, "empty tables are hidden at first"
    page.locator("#filled").uncheck()
    assert page.evaluate(f"{GRAPH}.nodes().length") == 500


def test_it_follows_light_and_dark_and_prints(page: Page, tmp_path: Path) -> None:
    assert open_report(page, tmp_path, 30) == []
    node = f"{GRAPH}.nodes('.filled').first().style('background-color')"
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(node)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{node} != '{light}'")
    assert page.evaluate(paper) == "rgb(20, 24, 29)"
    page.emulate_media(media="print")
    page.wait_for_function(f"{node} != '{light}'")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert page.locator(".tools").is_hidden()
    assert page.locator("#differences").is_visible()
    assert page.pdf().startswith(b"%PDF")
