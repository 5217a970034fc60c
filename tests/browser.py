"""A real browser for tests: the Chromium of the system, without a screen, driven by Playwright.

Belongs here: starting and ending it, and the folder where its pictures go. Does not: what a test looks at.
Use it by importing the fixture: `from tests.browser import page  # noqa: F401`.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURES = REPOSITORY / "var" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# A browser for tests speaks to this machine only: it asks nobody for updates, and nobody's certificate authority.
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)


def executable() -> str:
    """Path of the system's Chromium.

    Raises RuntimeError when there is none; `.ci/run` installs it, so its absence is an error and no reason to skip.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("browser tests need Chromium; on Debian and Ubuntu: apt-get install chromium")
    return found


@pytest.fixture
def page() -> Iterator[Page]:
    """An empty page of 1600 × 1000 points in a browser of its own, closed after the test."""
    # Chromium refuses its sandbox to root, which is who runs tests in a container.
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=[*FLAGS, *root], headless=True)
        try:
            yield browser.new_page(viewport={"width": 1600, "height": 1000})
        finally:
            browser.close()


def picture(page: Page, name: str) -> Path:
    """Save what the page shows as a PNG for a person to look at, and return its path."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    return path
