"""Names that a user or a file chooses stay names: no path, no HTML, no mathematics."""

import copy
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.plots.drawing import diagram_file
from naswot.reporting.captions import escape
from naswot.reporting.page import write_index
from naswot.reporting.tables import prose
from naswot.spaces.diagrams import diagram_of
from naswot.workflow import config as configuration
from naswot.workflow.custom_spaces import catalogue_of
from naswot.workflow.schema import read_schema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = read_schema(ROOT)
DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
EVIL = "<script>alert(1)</script>"
ENDS = "</script></svg>\"'><img src=x onerror=alert(2)>&lt;"
# Characters that mean something in paths, patterns, shells and pages, and some that do not.
NAMES = st.text(st.sampled_from("abz09_-./\\~ \n\r\0:*?$;&|<>\"'{}()é٣"), min_size=1) | st.text()


def configured(**changes) -> dict:
    return {**copy.deepcopy(DEFAULTS), **changes}


def accepted(config: dict) -> bool:
    try:
        configuration.check(config, SCHEMA)
    except NaswotError:
        return False
    return True


@pytest.fixture(scope="module")
def about(tmp_path_factory):
    """Return the description of a space with networks that are called after attacks."""
    folder = tmp_path_factory.mktemp("custom")
    (folder / "space.py").write_text(
        "from naswot.spaces.graph import Block, Cell, Diagram, Edge, Node\n"
        "def build(arch): ...\n"
        "def diagram(arch):\n"
        f"    evil = {EVIL!r} + {ENDS!r} + '$x_{{'\n"
        "    nodes = (Node(evil, 'input'), Node(evil, evil))\n"
        "    cell = Cell(evil, nodes, (Edge(0, 1, evil, evil),), evil)\n"
        "    return Diagram(evil, arch, (cell,), (Block(evil, 'cell', 3, 8, note=evil),))\n"
    )
    table = pd.DataFrame({"arch": [EVIL, ENDS, "=1+1"], "a/test/1": [50.0, 60.0, 70.0]})
    table.to_csv(folder / "mine.csv", index=False)
    return {"networks": str(folder / "space.py"), "accuracies": str(folder / "mine.csv")}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(name="mine-2_b")
@given(name=NAMES)
def test_the_name_of_a_space_leads_nowhere_else(name, about):
    custom = {name: about}
    if accepted(configured(custom_spaces=custom, spaces=["nasbench201"])):
        assert re.fullmatch("[a-z][a-z0-9_-]*", name, re.ASCII)
        path = Path("results/scores") / name / "0.parquet"
        assert path.resolve().parents[1] == Path("results/scores").resolve()
    else:
        assert name != "mine-2_b"


@pytest.mark.parametrize(
    "name", ["../up", "/etc", "a/b", "a\n", ".", "..", "", "-a", "a b", "a\0", "A", "é"]
)
def test_names_that_lead_elsewhere_are_refused(name, about):
    with pytest.raises(NaswotError, match="custom_spaces"):
        configuration.check(configured(custom_spaces={name: about}), SCHEMA)


@settings(max_examples=30, deadline=None)
@given(name=NAMES)
@pytest.mark.parametrize(
    "place",
    [
        lambda name: {"spaces": [name]},
        lambda name: {"datasets": [name]},
        lambda name: {"scores": [name]},
        lambda name: {"methods": [name]},
        lambda name: {"images": name},
        lambda name: {"images": {name: "photos"}},
        lambda name: {"sample": {name: 5}},
        lambda name: {"seed": name},
        lambda name: {"ablations": DEFAULTS["ablations"] | {"space": name}},
        lambda name: {"ablations": DEFAULTS["ablations"] | {"dataset": name}},
        lambda name: {"ablations": DEFAULTS["ablations"] | {"schemes": [name]}},
        lambda name: {"figure6": DEFAULTS["figure6"] | {"space": name}},
        lambda name: {"training": DEFAULTS["training"] | {"images": name}},
    ],
)
def test_what_becomes_part_of_a_path_is_one_of_a_list(place, name):
    """Texts of any kind: there is no list that holds them."""
    assert accepted(configured())
    assert not accepted(configured(**place(f"{name}.")))


@pytest.mark.parametrize("title", ["$x_{ 5$", "two\nlines", "line\n", "\x1b[2J"])
def test_a_title_that_figures_cannot_show_is_refused(title, about):
    custom = {"mine": about | {"title": title}}
    with pytest.raises(NaswotError, match=r"title .one line without"):
        configuration.check(configured(custom_spaces=custom), SCHEMA)


class Elements(HTMLParser):
    """Collects the elements of a page, their attributes, the text and the scripts."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text = [], [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_data(self, data):
        if self.tags and self.cdata_elem == "script":
            self.scripts.append(data)
        else:
            self.text += data


@pytest.fixture
def page(about, tmp_path) -> str:
    """Return results/index.html of a space whose networks and title are attacks."""
    catalogue = catalogue_of({"mine": about | {"title": EVIL + ENDS}})
    table = pd.read_csv(about["accuracies"]).assign(index=range(3), score=[1.0, 2.0, 3.0])
    joined = tmp_path / "results/joined/mine/photos/naswot/0.parquet"
    write_parquet(table, joined, {"space": "mine", "score": EVIL})
    (tmp_path / "results/captions").mkdir()
    (tmp_path / "results/captions/run.rst").write_text(f"Made of {EVIL}. {ENDS}\n")
    (tmp_path / "results/headline.rst").write_text(f".. list-table:: {escape(EVIL)}\n\n   * - x\n")
    questions = pd.DataFrame({"question": [EVIL], "answer": [ENDS]})
    run = pd.DataFrame({"topic": [EVIL], "item": [ENDS], EVIL: ["=1+1"]})
    for name, frame in (("questions", questions), ("run", run)):
        frame.to_csv(tmp_path / f"results/{name}.csv", index=False)
    write_index(
        tmp_path / "results/index.html",
        headline=tmp_path / "results/headline.rst",
        tables=[tmp_path / "results/questions.csv", tmp_path / "results/run.csv"],
        figures=[],
        captions=[tmp_path / "results/captions/run.rst"],
        runs=[("custom", joined)],
        seed=0,
        catalogue=catalogue,
    )
    return (tmp_path / "results/index.html").read_text(encoding="utf-8")


def test_names_on_the_page_are_text(page):
    found = Elements(page)
    assert not {"img", "iframe", "object", "svg"} & set(found.tags)
    assert not [one for one in found.attributes if one[1].startswith("on")]
    assert found.text.count(EVIL) >= 6  # title, heading, main numbers, question, caption, cells
    assert len(found.scripts) == found.tags.count("script")
    assert not [one for one in found.scripts if one.startswith("alert(")]


def test_names_in_the_plot_are_text(page):
    """What Bokeh is handed: it shows `details` as HTML, and the rest as text."""
    (document,) = re.findall(r"const docs_json = '(.*)';$", page, re.M)
    decoded = unescape(document.replace("\\\\", "\\").replace("\\'", "'"))
    details = [one for one in strings(json.loads(decoded)) if one.startswith("<div")]
    assert len(details) == 3
    for one in details:
        found = Elements(one)
        assert set(found.tags) <= {"div", "b", "br", "svg", "title", "g", "path", "text", "tspan"}
        assert not [one for one in found.attributes if one[1].startswith("on") or "href" in one[1]]
    assert sum(EVIL in Elements(one).text for one in details) == 3  # each has it in its drawing


def strings(value):
    """Yield every text in a document of Bokeh's."""
    if isinstance(value, dict):
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from strings(one)
    if isinstance(value, str):
        yield value


def test_names_are_drawn_as_they_are(about, tmp_path):
    space = catalogue_of({"mine": about})["mine"].space
    for suffix in ("png", "pdf"):
        output = tmp_path / f"drawn.{suffix}"
        diagram_file(diagram_of(space, "$x_{ 5$"), output)
        assert output.stat().st_size > 1000


def test_captions_take_in_no_file_and_no_html(tmp_path):
    for text in (".. include:: /etc/hostname", f".. raw:: html\n\n   {EVIL}"):
        with pytest.raises(Exception, match="directive disabled"):
            prose(text)
