from pathlib import Path

import pytest

from benchmarks import browser


def test_without_a_browser_there_are_no_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert browser.chromium() is None
    assert browser.seconds_to_open(tmp_path / "report.html") is None


@pytest.mark.slow
@pytest.mark.skipif(browser.chromium() is None, reason="there is no browser, or no playwright")
def test_the_seconds_until_a_page_is_drawn(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<script>setTimeout(() => document.body.className = 'drawn', 200)</script><p>")

    seconds = browser.seconds_to_open(page)

    assert seconds is not None and 0.2 <= seconds < 10
