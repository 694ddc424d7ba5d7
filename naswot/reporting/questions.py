"""Answer a newcomer's questions about a run from its tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from naswot.io.atomic import replacing
from naswot.reporting.tables import read_csv, written
from naswot.spaces import SPACES

QUESTIONS = ["question", "answer"]
HEADLINE = "NASWOT (N=1000)"  # the paper's own method


def summarise_run(tables: Sequence[str | Path], output: str | Path) -> None:
    """Write questions.csv, columns `QUESTIONS`.

    Args:
        tables: CSV files, see `answers`.
        output: the CSV file to write.

    Raises:
        NaswotError: a table is missing or not readable.
    """
    found = answers({Path(path).stem: read_csv(path) for path in tables})
    with replacing(output) as temporary:
        pd.DataFrame(found, columns=QUESTIONS).to_csv(temporary, index=False)


def answers(frames: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Return pairs of question and answer; a question may have several answers.

    Args:
        frames: the content of run.csv, run_times.csv and, if they exist, paper_comparison.csv,
            claims.csv and kendall_tau.csv, by their names.
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
        for row in measured[measured["method"] == HEADLINE].to_dict("records"):
            lines.append(
                f"{HEADLINE}, {SPACES[row['benchmark']].title}, {row['quantity']}: "
                f"{written(row['ours'], 2)} ± {written(row['ours_std'], 2)} % "
                f"(paper {written(row['published'], 2)} ± {written(row['published_std'], 2)})."
            )
    if "claims" in frames and len(frames["claims"]):
        verdicts = frames["claims"]["verdict"].value_counts()
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        lines.append(f"Of what the paper says in words of Figures 1, 2, 5 and 6: {counted}.")
    if "kendall_tau" in frames:
        for row in frames["kendall_tau"].dropna(subset=["published"]).to_dict("records"):
            lines.append(
                f"Kendall tau, {SPACES[row['space']].title}, {row['accuracy']}: "
                f"{written(row['tau'], 3)} (paper {written(row['published'], 3)})."
            )
    return lines
