"""Time that Chromium takes to draw a report."""

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
    """Return the path of the browser; None without a browser or without Playwright."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    return path if find_spec("playwright") else None


def seconds_to_open(page: Path) -> float | None:
    """Return the seconds from opening a report until its first features are drawn.

    It is the median of five new tabs; None without a browser.
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
            start_time = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector(".drawn")
            seconds.append(time.perf_counter() - start_time)
            tab.close()
        browser.close()
    return median(seconds)
