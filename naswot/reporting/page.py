"""results/index.html: everything that a run made, on one page that needs no network."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.files import replacing
from naswot.reporting.contents import CONTENTS, Item
from naswot.reporting.interactive import PINNED, plots
from naswot.reporting.tables import prose, read_csv, table, written
from naswot.reporting.templates import render
from naswot.spaces import get_space

HEADLINE = "NASWOT (N=1000)"  # the paper's own method


def write_page(
    output: str | Path,
    *,
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    captions: Sequence[str | Path],
    runs: Sequence[tuple[str, str | Path]],
    seed: int,
) -> None:
    """Write the page.

    Args:
        output: the .html file; figures are linked relative to it.
        tables: CSV files, named after their items; run.csv, run_times.csv, claims.csv and
            paper_comparison.csv also feed the summary.
        figures: .png files; those in a folder scatter/ belong to the item of that name.
        captions: .rst files, named after their items.
        runs: datasets, each with its joined table.
        seed: of the draw of networks in the interactive plots.

    Raises:
        NaswotError: an input is missing or damaged.
    """
    files = {Path(path).stem: path for path in tables}
    frames = {name: read_csv(path) for name, path in files.items()}
    texts = {Path(path).stem: prose(Path(path).read_text("utf-8")) for path in captions}
    pictures: dict[str, list[str]] = {}
    for path in map(Path, figures):
        item = "scatter" if "scatter" in path.parts else path.stem
        pictures.setdefault(item, []).append(_link(path, output))
    links = {name: _link(path, output) for name, path in files.items()}
    shown = [item for item in CONTENTS if item.name in {**frames, **pictures}]
    spaces = dict.fromkeys(get_space(Path(path).parts[-4]).title for _, path in runs)
    html = render(
        "index.html.jinja",
        title=f"naswot: {', '.join(spaces)}",
        chapters=[
            (category, [_section(item, frames, pictures, texts, links) for item in items])
            for category, items in groupby(shown, key=lambda item: item.category)
        ],
        answers=answers(frames),
        plots=plots(runs, seed),
        pinned=PINNED,
    )
    with replacing(output) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _link(path: str | Path, page: str | Path) -> str:
    return Path(path).relative_to(Path(page).parent).as_posix()


def _section(
    item: Item,
    frames: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Sequence[str]],
    texts: Mapping[str, str],
    links: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "item": item,
        "caption": texts.get(item.name, ""),
        "pictures": pictures.get(item.name, []),
        "table": table(item.name, frames[item.name]) if item.name in frames else None,
        "link": links.get(item.name),
    }


def answers(frames: Mapping[str, pd.DataFrame]) -> list[tuple[str, list[str]]]:
    """Return what a newcomer asks, each with the answers that the tables give."""
    run = frames["run"]

    def said(topic: str) -> list[str]:
        rows = run[run["topic"] == topic]
        return [f"{item}: {value}" for item, value in zip(rows["item"], rows["value"], strict=True)]

    missing = said("what is missing") + _not_measured(frames)
    found = [
        ("What was run, and on what?", said("what was run")),
        ("How long did it take?", _how_long(frames["run_times"], run)),
        ("How does it compare with the paper?", _comparison(frames)),
        ("What is missing?", missing or ["Nothing that this configuration asks for."]),
    ]
    return [(question, lines) for question, lines in found if lines]


def _how_long(times: pd.DataFrame, run: pd.DataFrame) -> list[str]:
    if times.empty:
        return ["No job of this run left its time here."]
    total = times["seconds"].sum()
    longest = times.loc[times["seconds"].idxmax()]
    machine = dict(zip(run["item"], run["value"], strict=True))
    return [
        f"{written(total / 60, 1)} minutes of jobs, {int(times['jobs'].sum()):,} in all; jobs run "
        "side by side.",
        f"{written(longest['seconds'] / 60, 1)} of them went into “{longest['stage']}”.",
        f"At most {written(times['max_rss_mb'].max(), 0)} MB a job; {machine['processor']}, "
        f"{machine['cores']} cores.",
    ]


def _not_measured(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return why numbers of the paper have none beside them, each reason with their count."""
    if "paper_comparison" not in frames:
        return []
    compared = frames["paper_comparison"]
    reasons = compared.loc[compared["ours"].isna(), "reason"].value_counts()
    return [
        f"{count} number{'s' if count > 1 else ''} of the paper: {reason}."
        for reason, count in reasons.items()
    ]


def _comparison(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    lines = []
    if "paper_comparison" in frames:
        compared = frames["paper_comparison"]
        measured = compared[compared["ours"].notna()]
        within = int((measured["within_2"].astype(str) == "True").sum())
        lines.append(
            f"Of the {len(compared)} numbers that the paper prints, {len(measured)} were measured: "
            f"{within} agree within 2 standard errors, {len(measured) - within} do not, and each "
            "of these says what differs."
        )
        for row in measured[measured["method"] == HEADLINE].to_dict("records"):
            lines.append(
                f"{HEADLINE}, {get_space(row['benchmark']).title}, {row['quantity']}: "
                f"{written(row['ours'], 2)} ± {written(row['ours_std'], 2)} % "
                f"(paper {written(row['published'], 2)} ± {written(row['published_std'], 2)})."
            )
    if "claims" in frames and len(frames["claims"]):
        verdicts = frames["claims"]["verdict"].value_counts()
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        lines.append(f"Of what the paper says in words of Figures 1 to 6: {counted}.")
    if "kendall_tau" in frames:
        for row in frames["kendall_tau"].dropna(subset=["published"]).to_dict("records"):
            lines.append(
                f"Kendall tau, {get_space(row['space']).title}, {row['accuracy']}: "
                f"{written(row['tau'], 3)} (paper {written(row['published'], 3)})."
            )
    return lines
