"""How long Chromium takes to draw a report."""

from __future__ import annotations

import os
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median

__all__ = ["chromium", "seconds_to_open"]

_TIMES = 5


def chromium() -> str | None:
    """The path of the browser; None where there is none, or no Playwright to steer it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found if find_spec("playwright") else None


def seconds_to_open(page: Path) -> float | None:
    """From the request of a report to its first features drawn: the median of five fresh tabs.

    None where there is no browser.
    """
    path = chromium()
    if path is None:
        return None
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        seconds = []
        for _ in range(_TIMES):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector(".drawn")
            seconds.append(time.perf_counter() - began)
            tab.close()
        browser.close()
    return median(seconds)
