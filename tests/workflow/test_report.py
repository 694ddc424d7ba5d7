"""The page and the report of a run, opened in a real browser as a reader would."""

import pandas as pd
import pytest
from browsing import WIDTHS, opened

from naswot.reporting.contents import CONTENTS

pytestmark = pytest.mark.slow

SCHEMES = ["light", "dark"]
LEAST_CONTRAST = 4.5  # between text and what is behind it, as WCAG 2 defines it at level AA


@pytest.fixture(scope="module")
def index(complete):
    return complete.path / "results/index.html"


@pytest.fixture(scope="module")
def report(complete, tmp_path_factory):
    workdir = complete.copy(tmp_path_factory.mktemp("report") / "copy")
    run = workdir.run("--report", "results/report.html", "--report-stylesheet", "report/style.css")
    assert run.code == 0, run.text
    return workdir.path / "results/report.html"


def test_page_begins_with_the_papers_numbers_beside_ours_and_a_figure(browser, index):
    with opened(browser, index, 1280) as page:
        assert page.locator("h2").first.inner_text() == "Main numbers"
        tables = page.locator("#headline table").all()
        assert "CIFAR-10: validation accuracy in percent" in tables[0].inner_text()
        assert tables[1].locator("tbody tr").first.inner_text().split()[1] == "0.574"
        shown = [page.locator("#headline img"), *tables]
        for one in shown:
            box = one.bounding_box()
            assert box["y"] + box["height"] <= 900  # the first screen


FAINT = """() => {
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
    const behind = (element) => {
        if (element === null) return [255, 255, 255];
        const color = parse(getComputedStyle(element).backgroundColor);
        return color[3] === 0 ? behind(element.parentElement)
            : over(color, color.length === 3 ? color : behind(element.parentElement));
    };
    const light = (color) => color.map((c) => c / 255)
        .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * c, 0);
    const contrast = (element) => {
        const under = behind(element);
        const [a, b] = [over(parse(getComputedStyle(element).color), under), under].map(light);
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    return [...document.body.querySelectorAll(":not(script, style, svg *)")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 0)
        .filter((one) => [...one.childNodes].some((node) => node.data?.trim()))
        .map((one) => [contrast(one), one.tagName, one.textContent.slice(0, 60)])
        .filter(([found]) => found < LEAST);
}""".replace("LEAST", str(LEAST_CONTRAST))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out_in_both_schemes_and_figures_lie_on_white(browser, index, report, scheme):
    table = index.parent / "tables/paper_comparison.html"
    with opened(browser, report, 1280, scheme) as page:
        page.locator(".prose table").first.wait_for()
        assert page.evaluate(FAINT) == []
    for path in (table, index):
        with opened(browser, path, 1280, scheme) as page:
            behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (behind == "rgb(255, 255, 255)") == (scheme == "light")
            assert page.evaluate(FAINT) == []
            for picture in page.locator("img, .plot").all():
                behind = picture.evaluate("one => getComputedStyle(one).backgroundColor")
                assert behind == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", WIDTHS)
def test_page_fits_and_every_figure_loads_and_is_described(browser, index, width):
    with opened(browser, index, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        pictures = page.locator("img").all()
        assert len(pictures) >= 4
        for picture in pictures:
            picture.scroll_into_view_if_needed()
            assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
            assert len(picture.get_attribute("alt")) > 40
            # Small print stays legible: a wide figure scrolls in its own box.
            assert picture.bounding_box()["width"] > 300
        for box in page.locator("figure, .plot, .wide").all():
            assert box.bounding_box()["width"] <= width


def test_page_explains_every_item_and_its_links_lead_somewhere(browser, index):
    with opened(browser, index, 1280) as page:
        items = page.locator("article").all()
        assert len(items) >= 8
        for item in items:
            assert item.locator("p").first.inner_text().count(". ") >= 2, item.inner_text()[:80]
        for link in page.locator("a").all():
            target = link.get_attribute("href")
            if target.startswith("#"):
                assert page.locator(target).count() == 1, target
            else:
                assert (index.parent / target).exists(), target


def test_page_answers_what_a_newcomer_asks(browser, index):
    with opened(browser, index, 1280) as page:
        text = page.locator("#questions").inner_text()
    for answer in (
        "24 of 15,625 networks",  # what was run
        "16 of photos, 8×8 pixels",  # on what
        "minutes of jobs",  # how long
        "Of the 155 numbers that the paper prints",  # how it compares
        "has x-valid only",  # what is missing
    ):
        assert answer in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_click_on_a_heading_sorts_and_gaps_stay_last(browser, index, complete, width):
    ours = pd.read_csv(complete.path / "results/paper_comparison.csv")["ours"]
    known, gaps = sorted(ours.dropna()), int(ours.isna().sum())
    with opened(browser, index, width) as page:
        table = page.locator("#table-paper_comparison")
        heading = table.get_by_role("columnheader", name="Ours")
        place = heading.evaluate("cell => cell.cellIndex")
        for direction, expected in (("ascending", known), ("descending", known[::-1])):
            heading.get_by_role("button").click()
            assert heading.get_attribute("aria-sort") == direction
            cells = table.locator(f"tbody td:nth-child({place + 1})").all()
            values = [cell.get_attribute("data-value") for cell in cells]
            assert [float(value) for value in values if value is not None] == expected
            assert values[len(known) :] == [None] * gaps


@pytest.mark.parametrize("width", WIDTHS)
def test_a_network_shows_its_drawing_score_and_accuracies(browser, index, width):
    """When pointed at, and below the plot when clicked, which a phone can do too."""
    where = """() => {
        const view = Bokeh.index.find_one(Bokeh.documents[0].roots()[0].tabs[0].child);
        const source = view.model.renderers[0].data_source;
        const key = view.model.renderers[0].glyph.x.field;
        const last = source.data.score.length - 1;
        const box = view.canvas_view.el.getBoundingClientRect();
        return {
            x: box.x + view.frame.x_scale.compute(source.data[key][last]),
            y: box.y + view.frame.y_scale.compute(source.data.score[last]),
        };
    }"""
    with opened(browser, index, width) as page:
        page.wait_for_function("window.Bokeh?.documents?.[0]?.is_idle")
        page.locator("#networks .plot").scroll_into_view_if_needed()
        point = page.evaluate(where)
        page.mouse.move(point["x"], point["y"])
        tip = page.locator(".bk-Tooltip")
        tip.wait_for()
        assert tip.locator("svg").count() == 1
        assert tip.locator("b").inner_text().startswith("score ")
        assert tip.get_by_text("cifar10-valid/x-valid/200").count() == 1
        assert page.locator("#pinned").inner_text() == ""
        page.mouse.click(point["x"], point["y"])
        page.locator("#pinned svg").wait_for()
        assert "cifar10-valid/x-valid/200" in page.locator("#pinned").inner_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_report_shows_every_item_in_reading_order(browser, report, width):
    chapters = list(dict.fromkeys(item.category for item in CONTENTS))
    with opened(browser, report, width) as page:
        page.get_by_text("Neural networks ranked before training").wait_for()
        menu = page.locator("#app > div > nav")
        listed = [text for text in menu.inner_text().split("\n") if text in chapters]
        assert listed == [chapter for chapter in chapters if chapter in listed]
        assert listed[0] == "1 The paper's numbers and ours"
        shown = 0
        for chapter in listed:
            menu.get_by_text(chapter, exact=True).click()
            for eye in menu.locator("a[iconname=eye]").all():
                eye.click()
                content = page.locator("#app > div > div img, #app > div > div iframe").first
                content.wait_for()
                if content.evaluate("shown => shown.tagName") == "IMG":
                    assert content.evaluate(
                        "image => image.decode().then(() => image.naturalWidth)"
                    )
                else:
                    content.content_frame.locator("table tbody tr, table thead").first.wait_for()
                shown += 1
            menu.get_by_text("Results", exact=True).first.click()
        assert shown >= 8


@pytest.mark.parametrize("width", WIDTHS)
def test_report_begins_with_the_same_numbers_and_figure(browser, report, width):
    with opened(browser, report, width) as page:
        page.locator(".prose table").first.wait_for()
        assert "CIFAR-10: validation accuracy" in page.locator(".prose table").first.inner_text()
        picture = page.locator(".prose img")
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        assert picture.bounding_box()["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_report_explains_each_item_in_its_caption(browser, report):
    with opened(browser, report, 1280) as page:
        captions = page.evaluate("Object.values(results).map((result) => result.caption)")
        assert len(captions) >= 8
        assert all(caption.count(".") >= 3 for caption in captions)
