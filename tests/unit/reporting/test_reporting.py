"""Captions, tables to look at, and the record of a run."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment

from naswot.analysis.leaderboard import LEADERBOARD
from naswot.errors import NaswotError
from naswot.reporting.captions import escape, write_captions
from naswot.reporting.contents import CONTENTS
from naswot.reporting.headline import headline
from naswot.reporting.questions import answers
from naswot.reporting.record import sum_run_times
from naswot.reporting.tables import (
    ITEMS,
    prose,
    read_csv,
    render_page,
    render_tables,
    table,
    written,
)

CONFIG = {"spaces": ["nasbench201"], "images": "photos", "batch_size": 128, "n_runs": 500}
CONFIG |= {"bootstrap_resamples": 1000}


def texts(found):
    return [[cell.text for cell in row] for row in found["rows"]]


def test_every_item_has_a_caption_and_every_caption_an_item(root):
    captions = {path.stem for path in (root / "report").glob("*.rst")} - {"workflow"}
    assert captions == {item.name for item in CONTENTS}


@pytest.mark.parametrize("item", [item.name for item in CONTENTS])
def test_a_caption_has_three_sentences(root, tmp_path, item):
    claims = tmp_path / "claims.csv"
    claims.write_text("figure,claim,verdict,found\n")
    output = tmp_path / f"{item}.rst"
    write_captions([root / f"report/{item}.rst"], claims, [output], config=CONFIG)
    text = " ".join(output.read_text().split())
    assert text.count(". ") + text.endswith(".") >= 3


def test_a_caption_tells_the_verdict_and_the_number(root, tmp_path):
    claims, output = tmp_path / "claims.csv", tmp_path / "figure5.rst"
    claims.write_text(
        "figure,claim,verdict,found\n"
        "figure5,rankings *survive* other images,confirmed,a mean tau of 0.93 over 190 pairs\n"
        "figure6,the score rises,undecided,nothing\n"
    )
    write_captions([root / "report/figure5.rst"], claims, [output], config=CONFIG)
    html = prose(output.read_text())
    assert "rankings *survive* other images. <strong>Confirmed</strong>: a mean tau of 0.93" in (
        " ".join(html.split())
    )
    assert "rises" not in html


def test_a_template_that_cannot_be_filled_in_is_named(tmp_path):
    template, claims = tmp_path / "figure1.rst", tmp_path / "claims.csv"
    template.write_text("{{ nowhere }}")
    claims.write_text("figure,claim,verdict,found\n")
    with pytest.raises(NaswotError, match=r"figure1\.rst cannot be filled in .*nowhere"):
        write_captions([template], claims, [tmp_path / "out.rst"], config=CONFIG)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"], include_characters="\n\t")))
@example('{{ cycler["%c%cinit%c%c" % (95, 95, 95, 95)] }} {% raw %} {# gone #} {{{7}}} %{')
@example("\\{{ 7 * 7 }} \\\\{% raw %} {\\{ 7 * 7 }}")
@example("`a <javascript:alert(1)>`_ javascript:alert(1) http://example.org a@example.org")
def test_escaped_text_reads_as_it_is(text):
    """Also after Snakemake, which fills in captions once more, and without links."""
    line = f"x {text} x"
    html = prose(Environment().from_string(f"- {escape(line)}").render())
    assert "<a " not in html
    shown = pd.Series([html]).str.replace(r"<[^>]*>", "", regex=True).iloc[0]
    assert " ".join(unescape(shown).split()) == " ".join(line.split())


def test_numbers_are_written_for_people():
    assert written(-1234.567, 1) == "−1,234.6"
    assert written(0.25, 2, signed=True) == "+0.25"
    assert written(-np.inf, 3) == "−∞"


def test_a_row_keeps_its_values_for_sorting_and_gaps_have_none():
    frame = pd.DataFrame({"score": [-np.inf, 1.25, np.nan], "arch": ["a", "b", None]})
    found = table("unknown", frame)
    assert [column.heading for column in found["columns"]] == ["score", "arch"]
    assert texts(found) == [["−∞", "a"], ["1.250", "b"], ["", ""]]
    assert [row[0].value for row in found["rows"]] == [-np.inf, 1.25, None]


def test_the_comparison_shows_what_was_measured_first_with_verdict_and_reason():
    common = {"where": "Table 2(a)", "benchmark": "nasbench201", "dataset": "cifar10"}
    common |= {"quantity": "cifar10/ori-test/200", "published_std": 0.3, "note": np.nan}
    frame = pd.DataFrame(
        [
            common | {"method": "ENAS", "published": 54.3, "reason": "not run"},
            common
            | {"method": "REA", "published": 93.92, "ours": 93.9, "ours_std": 0.4}
            | {"difference": -0.02, "difference_in_se": -0.9, "within_2": True},
        ]
    )
    rows = texts(table("paper_comparison", frame))
    assert rows[0][3:7] == ["REA", "cifar10/ori-test/200", "93.92 ± 0.30", "93.90 ± 0.40"]
    assert rows[0][7:] == ["within 2", "−0.02", "−0.9", ""]
    assert rows[1][3] == "ENAS"
    assert rows[1][7:] == ["not measured", "", "", "not run"]


def test_tables_are_pages_with_title_caption_and_escaped_cells(tmp_path):
    csv, caption, output = (tmp_path / f"run.{end}" for end in ("csv", "rst", "html"))
    pd.DataFrame({"topic": ["a"], "item": ["<b>"], "value": ["x & y"]}).to_csv(csv, index=False)
    caption.write_text("What *this* is.\n")
    render_tables([csv], [caption], [output])
    html = output.read_text()
    assert ITEMS["run"].title in html
    assert "What <em>this</em> is." in html
    assert "<td>&lt;b&gt;</td>" in html


def test_a_difference_without_a_spread_is_no_verdict():
    row = {"where": "Fig. 3", "benchmark": "nasbench201", "dataset": "cifar10", "method": "NASWOT"}
    row |= {"quantity": "Kendall tau", "published": 0.574, "published_std": np.nan, "ours": 0.59}
    row |= {"ours_std": np.nan, "difference": 0.016, "difference_in_se": np.nan}
    frame = pd.DataFrame([row | {"within_2": np.nan, "reason": np.nan, "note": np.nan}])
    (cells,) = texts(table("paper_comparison", frame))
    assert cells[5:] == ["0.574", "0.590", "no spread to tell", "+0.016", "", ""]


def test_the_page_of_the_leaderboard_says_first_where_size_does_better(root, tmp_path):
    csv = tmp_path / "leaderboard.csv"
    common = dict.fromkeys(LEADERBOARD, np.nan) | {"space": "nasbench201", "dataset": "cifar10"}
    rows = [
        common | {"score": "good", "rank": 1, "tau": 0.6, "beyond_size": 0.1, "minus_inf": 3}
        | {"tau_low": 0.55, "tau_high": 0.65, "beyond_size_low": 0.02, "published_tau": 0.574},
        common | {"score": "params", "rank": 2, "tau": 0.5, "beyond_size": 0.0},
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(csv, index=False)
    caption, page = tmp_path / "leaderboard.rst", tmp_path / "leaderboard.html"
    render_page(csv, root / "report/leaderboard.rst", caption, page, config=CONFIG)
    html = page.read_text()
    sentence = (
        "<p>On NAS-Bench-201, CIFAR-10, size alone (params, τ 0.500) ranks better than 0 of 1 "
        "other scores; better than size beyond chance: good.</p>"
    )
    assert html.index(sentence) < html.index("<table")
    assert "Kendall tau" in caption.read_text()
    cells = texts(table("leaderboard", read_csv(csv)))
    shown = ["good", "1", "NAS-Bench-201", "CIFAR-10", "0.600", "0.550 to 0.650", "0.574", "+0.100"]
    assert cells[0][:8] == shown


def test_a_setting_of_none_is_not_missing(tmp_path):
    path = tmp_path / "run.csv"
    path.write_text("topic,item,value\nsettings,mirror,None\nsettings,x,\n")
    assert texts(table("run", read_csv(path))) == [
        ["settings", "mirror", "None"],
        ["settings", "x", ""],
    ]


def test_a_csv_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("")
    with pytest.raises(NaswotError, match=r"empty\.csv is not a readable CSV file"):
        read_csv(path)


def test_times_are_summed_by_stage_and_jobs_that_ran_elsewhere_left_out(tmp_path):
    paths = [tmp_path / f"timings/score/a/{shard}.tsv" for shard in range(3)]
    paths.append(tmp_path / "timings/table2.tsv")
    for path, line in zip(paths[1:], ("2.5\t100", "4\t-", "1\t50"), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{line}\n")
    output = tmp_path / "times.csv"
    stages = {"convert": "Tables", "score": "Scores", "table2": "Table 2"}
    sum_run_times(output, timings=paths, stages=stages)
    assert output.read_text().splitlines() == [
        "stage,what,jobs,seconds,longest,max_rss_mb",
        "score,Scores,2,6.50,4.00,100.00",
        "table2,Table 2,1,1.00,1.00,50.00",
    ]


def test_a_file_that_has_no_run_times_is_named(tmp_path):
    path = tmp_path / "timings/score.tsv"
    path.parent.mkdir()
    path.write_text("nothing\n")
    with pytest.raises(NaswotError, match=r"score\.tsv has no run times"):
        sum_run_times(tmp_path / "times.csv", timings=[path], stages={"score": "Scores"})


def test_a_run_that_lacks_nothing_says_so():
    run = pd.DataFrame(
        {"topic": ["reported with"] * 2, "item": ["processor", "cores"], "value": ["a", "2"]}
    )
    times = pd.DataFrame(columns=["stage", "what", "jobs", "seconds", "longest", "max_rss_mb"])
    found = answers({"run": run, "run_times": times})
    assert found == [
        ("How long did it take?", "No job of this run left its time here."),
        ("What is missing?", "Nothing that this configuration asks for."),
    ]


TAUS = pd.DataFrame(
    {
        "space": ["nasbench201"] * 2,
        "dataset": ["cifar10", "cifar100"],
        "score": ["naswot"] * 2,
        "accuracy": ["cifar10-valid/x-valid/200", "cifar100/x-valid/200"],
        "n": [15625] * 2,
        "tau": [0.591, 0.624],
        "tau_low": [0.585, 0.617],
        "tau_high": [0.597, 0.63],
        "published": [0.574, np.nan],
    }
)


def test_the_headline_sets_the_papers_main_numbers_beside_ours():
    """Of one data set and split, which are said, with unit and runs."""
    common = {"benchmark": "nasbench201", "published_n": 500, "ours_n": 20}
    common |= {"published": 89.69, "published_std": 0.73, "ours": 89.512, "ours_std": 0.9}
    valid = {"dataset": "cifar10", "quantity": "cifar10-valid/x-valid/200"}
    test = {"dataset": "cifar10", "quantity": "cifar10/ori-test/200"}
    rows = [
        common | valid | {"method": "REA"},
        common | valid | {"method": "NASWOT (N=1000)"},
        common | valid | {"method": "Optimal (N=100)", "ours": np.nan, "ours_std": np.nan},
        common | test | {"method": "NASWOT (N=1000)"},
    ]
    html = prose(headline({"paper_comparison": pd.DataFrame(rows), "kendall_tau": TAUS}))
    assert re.findall("<td><p>(.*)</p></td>", html) == [
        *("NASWOT (N=1000)", "89.69 ± 0.73", "89.51 ± 0.90"),
        *("cifar10-valid/x-valid/200", "0.574", "0.591 [0.585, 0.597]"),
    ]
    assert "<strong>NAS-Bench-201, CIFAR-10: validation accuracy in percent</strong>" in html
    assert "ours of 15,625 networks" in html
    assert "cifar10-valid/x-valid/200; mean ± standard deviation of 500 runs in the paper" in html


def test_the_headline_of_what_the_paper_lacks_is_ours():
    html = prose(headline({"kendall_tau": TAUS.assign(published=np.nan)}))
    assert "cifar100/x-valid/200" in html
    assert "0.624 [0.617," in html
    assert "Fig. 3" not in html
