"""How long Chromium takes to open the report of 500 columns: `python tests/browser/open_wide.py`.

From the request of the file to the first features drawn, the page answering a search; the median
of seven fresh pages.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from report_cases import wide

from recordmill.pipelines.report import render

_TIMES = 7


def main(columns: int = 500) -> None:
    """Prints the size of the page and the seconds it takes."""
    page = render(wide(columns))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "wide.html"
        path.write_text(page, encoding="utf-8")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        seconds = [_open(browser, path.as_uri()) for _ in range(_TIMES)]
        browser.close()
    drawn, found = (statistics.median(times) for times in zip(*seconds, strict=True))
    print(
        f"{columns} columns, {len(page) / 1e6:.1f} MB: drawn after {drawn:.2f} s, "
        f"a search answered after {found:.2f} s"
    )


def _open(browser: Any, url: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(".drawn")
    drawn = time.perf_counter() - began
    page.get_by_label("Search").fill("column_499")
    page.wait_for_selector(".feature:only-child.drawn")
    found = time.perf_counter() - began
    context.close()
    return drawn, found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
