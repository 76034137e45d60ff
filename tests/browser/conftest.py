"""A headless Chromium; the tests are skipped where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.report_cases import census, hostile, pictures, wide

from recordmill.pipelines.report.page import render


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, of whichever package it is.

    Of a module, since an event loop of Playwright's runs as long as it is there.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for found in map(shutil.which, names) if found), None)
    if path is None:
        missing = f"there is no browser: {', '.join(names)}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages by name: census, hostile, pictures, wide."""
    folder = tmp_path_factory.mktemp("pages")
    reports = {
        "census": census(folder),
        "hostile": hostile(),
        "pictures": pictures(),
        "wide": wide(60, rows=200),
    }
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(render(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in reports}
