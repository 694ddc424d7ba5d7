"""Sum up a run from its tables: main numbers, and answers to a newcomer's questions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.io.atomic import replacing
from naswot.reporting.headline import headline
from naswot.reporting.tables import read_csv, written

QUESTIONS = ["question", "answer"]


def summarise_run(
    tables: Sequence[str | Path],
    questions: str | Path,
    headlines: str | Path,
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write questions.csv, columns `QUESTIONS`, and headline.rst.

    Args:
        tables: CSV files, see `answers` and `headline`.
        questions, headlines: the files to write.
        catalogue: the search spaces of the run.

    Raises:
        NaswotError: a table is missing or not readable.
    """
    frames = {Path(path).stem: read_csv(path) for path in tables}
    with replacing(questions) as temporary:
        pd.DataFrame(answers(frames), columns=QUESTIONS).to_csv(temporary, index=False)
    with replacing(headlines) as temporary:
        temporary.write_text(headline(frames, catalogue), encoding="utf-8")


def answers(frames: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Return pairs of question and answer; a question may have several answers.

    Args:
        frames: the content of run.csv, run_times.csv and, if they exist, paper_comparison.csv
            and claims.csv, by their names.
    """
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
    return [(question, line) for question, lines in found for line in lines]


def _how_long(times: pd.DataFrame, run: pd.DataFrame) -> list[str]:
    if times.empty:
        return ["No job of this run left its time here."]
    total = times["seconds"].sum()
    longest = times.loc[times["seconds"].idxmax()]
    machine = dict(zip(run["item"], run["value"], strict=True))
    return [
        f"{written(total / 60, 1)} minutes of jobs, {int(times['jobs'].sum()):,} in all, small "
        "ones left out; jobs run side by side.",
        f"{written(longest['seconds'] / 60, 1)} of them went into “{longest['stage']}”.",
        f"At most {written(times['max_rss_mb'].max(), 0)} MB a job; {machine['processor']}, "
        f"{machine['cores']} cores.",
    ]


def _not_measured(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the reasons why numbers of the paper were not measured, each with its count."""
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
        known = measured["within_2"].dropna().astype(str)
        within = int((known == "True").sum())
        line = (
            f"Of the {len(compared)} numbers that the paper prints, {len(measured)} were measured: "
            f"{within} agree within 2 standard errors, {len(known) - within} do not, and each of "
            "these says what differs."
        )
        if len(known) < len(measured):
            line += f" {len(measured) - len(known)} have no spread to compare by."
        lines.append(line)
    if "claims" in frames and len(frames["claims"]):
        verdicts = frames["claims"]["verdict"].value_counts()
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        lines.append(f"Of what the paper says in words of Figures 1, 2, 5 and 6: {counted}.")
    return lines
