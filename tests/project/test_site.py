"""The site of docs/, built strictly and opened in a real browser as a reader would."""

import importlib.util
import re
import subprocess
import sys

import pytest
from browsing import WIDTHS, watched
from needs import lacking

from naswot.scores import FAMILY_OF
from naswot.spaces import SPACES
from naswot.workflow.schema import read_schema

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    for package in ("mkdocs", "material", "mkdocstrings_handlers"):
        if importlib.util.find_spec(package) is None:
            lacking("there is no MkDocs here: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    build = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert build.returncode == 0, build.stderr
    return folder


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_asks_for_nothing_from_elsewhere(browser, site, width):
    # The page that a server shows for a wrong address names files from the server's root.
    pages = sorted(set(site.rglob("*.html")) - {site / "404.html"})
    assert len(pages) > 40
    with watched(browser, site, width) as page:
        for path in pages:
            page.goto(path.as_uri(), wait_until="load")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", WIDTHS)
def test_the_search_finds_a_word(browser, site, width):
    with watched(browser, site, width) as page:
        page.goto((site / "index.html").as_uri())
        if width < 1000:  # the field is behind a button
            page.locator(".md-header__button[for=__search]").click()
        page.locator(".md-search__input").press_sequentially("Kendall")
        found = page.locator(".md-search-result__link")
        found.first.wait_for()
        assert "Kendall" in page.locator(".md-search-result__list").inner_text()
        found.first.click()
        page.get_by_text("Kendall").first.wait_for()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_colours_follow_the_system(browser, site, scheme, dark):
    with watched(browser, site, 1280, scheme) as page:
        page.goto((site / "index.html").as_uri())
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", colour)[:3])) < 128) == dark


def test_the_generated_tables_have_every_name(root, site):
    for page, names in {
        "reference/scores": FAMILY_OF,
        "reference/spaces": SPACES,
        "reference/configuration": read_schema(root)["properties"],
        "reference/commands": ["naswot search", "--max-latency"],
        "reference/python/ranking": ["naswot.rank", "fail_fast"],
    }.items():
        text = (site / f"{page}.html").read_text(encoding="utf-8")
        assert "<!-- generated" not in text
        assert [
            name for name in names if name.replace("_", "&#95;") not in text and name not in text
        ] == []
