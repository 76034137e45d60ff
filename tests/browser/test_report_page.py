"""`report.html` in a browser: it works, it asks for nothing, and nothing in the data acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.report_cases import HOSTILE

from recordmill.pipelines.runtime.visible import visible

pytestmark = pytest.mark.slow  # a browser starts

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}

Open = Callable[..., Any]


@pytest.fixture
def opened(chromium: Any, pages: dict[str, Path]) -> Iterator[Open]:
    """Open pages; fail if one of them logged a message, raised an error or sent a request."""
    contexts, problems = [], []

    def go(name: str, *, size: str = "desktop", scheme: str = "light") -> Any:
        context = chromium.new_context(viewport=SIZES[size], color_scheme=scheme)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(pages[name].as_uri())
        page.on("request", lambda request: problems.append(request.url))
        page.wait_for_selector(".drawn")
        return page

    yield go
    for context in contexts:
        context.close()
    assert problems == []


def names(page: Any) -> list[str]:
    """Return the names of the listed features, in order."""
    texts: list[str] = page.locator(".feature h3").all_text_contents()
    return texts


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", ["census", "hostile", "pictures"])
def test_fits_every_screen(opened: Open, name: str, size: str, scheme: str) -> None:
    page = opened(name, size=size, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"]
    paper, ink = page.evaluate(
        "['backgroundColor', 'color'].map((part) => getComputedStyle(document.body)[part])"
    )
    light = [sum(map(int, colour[4:-1].split(","))) > 380 for colour in (paper, ink)]
    assert light == ([True, False] if scheme == "light" else [False, True])


def test_overview(opened: Open) -> None:
    page = opened("census")
    assert page.title() == "census: data report"
    assert page.locator(".lead").inner_text() == (
        "2,000 rows in 2 splits, 15 features. 2 January 2026, 03:04 UTC, recordmill 0.1.0"
    ).replace("2,000", f"{_rows(page):,}")
    assert page.locator("#count").inner_text() == "All 15 features."


def _rows(page: Any) -> int:
    cells = page.locator("#overview tbody td:nth-child(2)").all_text_contents()
    return sum(int(cell.replace(",", "")) for cell in cells)


class TestList:
    def test_sort(self, opened: Open) -> None:
        page = opened("census")
        in_order = names(page)
        assert in_order[:3] == ["age", "workclass", "fnlwgt"]
        page.get_by_label("Sort by").select_option("name")
        assert names(page) == sorted(in_order)
        page.get_by_label("Reversed").check()
        assert names(page) == sorted(in_order, reverse=True)
        page.get_by_label("Reversed").uncheck()
        page.get_by_label("Sort by").select_option("missing")
        assert set(names(page)[:3]) == {"workclass", "occupation", "native-country"}
        page.get_by_label("Sort by").select_option("skew")
        assert names(page)[0] == "capital-gain"
        page.get_by_label("Sort by").select_option("position")
        assert names(page) == in_order

    def test_search(self, opened: Open) -> None:
        page = opened("census")
        page.get_by_label("Search").fill("EDUCATION")
        assert names(page) == ["education", "education-num"]
        assert page.locator("#count").inner_text() == "2 of 15 features."
        page.get_by_label("Search").fill("husband")
        assert names(page) == ["relationship"]
        page.get_by_label("Search").fill("<b>")
        assert names(page) == []
        assert page.locator("#count").inner_text() == "0 of 15 features."

    def test_filter(self, opened: Open) -> None:
        page = opened("census")
        page.get_by_label("Type").select_option("string")
        strings = names(page)
        assert (len(strings), strings[0]) == (9, "workclass")
        page.get_by_label("Search").fill("race")
        assert names(page) == ["race"]

    def test_a_warning_leads_to_its_features(self, opened: Open) -> None:
        page = opened("census")
        page.get_by_role("button", name="Almost unique").click()
        assert names(page) == ["fnlwgt"]
        assert page.get_by_label("Warning").input_value() == "almost_unique"

    def test_draws_what_comes_into_view(self, opened: Open) -> None:
        page = opened("wide")
        assert page.locator(".feature").count() == 60
        assert page.locator(".drawn").count() < 20
        page.locator(".feature").last.scroll_into_view_if_needed()
        page.wait_for_selector(".feature:last-child.drawn")
        sides = page.locator(".feature").last.locator("h4").all_text_contents()
        assert sides == ["Raw", "Transformed"]

    def test_compact_and_log_scale(self, opened: Open) -> None:
        page = opened("wide")
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.get_by_label("Compact").check()
        assert page.evaluate("document.documentElement.scrollHeight") < tall / 2
        before = page.locator(".bars rect").first.get_attribute("y")
        page.get_by_label("Log scale").check()
        page.wait_for_selector(".drawn")
        assert page.locator(".bars rect").first.get_attribute("y") != before

    def test_keyboard(self, opened: Open) -> None:
        page = opened("census")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the features"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.type("age")
        assert "age" in names(page)

    def test_print(self, opened: Open) -> None:
        page = opened("wide")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".drawn").count() == 60
        assert not page.locator(".tools").is_visible()


def test_numbers_and_values(opened: Open) -> None:
    page = opened("census")
    age, workclass = (page.locator(".feature").nth(index) for index in (0, 1))
    assert age.locator("thead").first.inner_text().split()[1:] == [
        "missing",
        "unique",
        "zeros",
        "mean",
        "std",
        "dev",
    ]
    assert age.locator(".plot").get_attribute("aria-label").startswith("Histogram. train from 17")
    assert "Private" in workclass.locator(".top-values tbody th").all_inner_texts()
    assert workclass.locator(".kind").inner_text().endswith("% missing")


class TestHostile:
    def test_nothing_in_the_data_acts(self, opened: Open) -> None:
        page = opened("hostile")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        counts = [page.locator(tag).count() for tag in ("script", "img", "style", "iframe")]
        assert counts == [2, 0, 1, 0]
        assert page.title().endswith(": data report")
        assert names(page) == [visible(text) for text in HOSTILE if text] + ["number"]

    def test_is_shown_as_it_is(self, opened: Open) -> None:
        page = opened("hostile")
        page.get_by_label("Search").fill("{{7*7}}{% raw %}")
        values = page.locator(".feature").first.locator(".top-values tbody th").all_text_contents()
        assert "{{7*7}}{% raw %}${7*7}" in values
        assert "\\u202eright to left\\u202c" in values
        assert page.locator(".reject pre").first.text_content() == HOSTILE[0]

    def test_the_policy_refuses_what_is_not_ours(
        self, chromium: Any, pages: dict[str, Path]
    ) -> None:
        page = chromium.new_page()
        page.goto(pages["hostile"].as_uri())
        page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "document.title = 'owned'";
              const style = document.createElement("style");
              style.textContent = "body { display: none }";
              document.body.append(script, style);
            }"""
        )
        assert page.title() != "owned"
        assert page.locator("body").is_visible()
        page.close()


def test_images(opened: Open) -> None:
    page = opened("pictures")
    assert page.evaluate("document.querySelector('img').naturalWidth") == 60
    facts = page.locator(".facts").inner_text()
    assert "320 to 640 pixels, median 640" in facts
    assert "<img src=x" in facts
