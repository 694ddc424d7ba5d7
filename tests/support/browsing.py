"""Open pages in a real browser as a reader would."""

import shutil
from contextlib import contextmanager

import pytest
from needs import lacking

WIDTHS = [1280, 390]  # pixels: a laptop, a phone
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def launched():
    """Give a headless Chromium; skip the test where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        lacking("there is no Chromium here: install one, e.g. apt-get install chromium")
    with api.sync_playwright() as playwright:
        # Root, as in a container, has no sandbox to be put into.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, path, width, scheme="light"):
    """Open a file; at the end it has said nothing wrong and asked for nothing from elsewhere.

    It may ask for what is in its folder or below.
    """
    with watched(browser, path.parent, width, scheme) as page:
        page.goto(path.as_uri(), wait_until="load")
        yield page


@contextmanager
def watched(browser, folder, width, scheme="light"):
    """Give an empty page that may ask for files in a folder, and for nothing else."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong, asked = [], []

    def fail(request):
        if request.failure != "net::ERR_ABORTED":  # by going to another page
            wrong.append(request.url)

    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", fail)
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert wrong == []
    assert [url for url in asked if not url.startswith((folder.as_uri(), "data:", "blob:"))] == []
    page.close()
