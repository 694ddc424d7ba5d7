"""Say in a page of sentences whether the networks chosen by score train better than random ones."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from naswot.analysis.search_study_trained import ACCURACY, GROUPS


def study_page(table: pd.DataFrame, summary: pd.DataFrame, about: Mapping[str, Any]) -> str:
    """Return the page as Markdown.

    Args:
        table: the content of search_study_trained.csv.
        summary: that of search_study_trained_summary.csv.
        about: `space`, `limits` (text), `score`, `drawn`, `images`, `image_size`, `train_images`,
            `epochs`, and the seconds of one core: `score_seconds`, `train_seconds`.
    """
    rows = {(row.quantity, row.of, _text(row.beside)): row for row in summary.itertuples()}
    lines = [
        "# Do networks chosen by score train better than random ones?",
        "",
        f"- Drawn: {about['drawn']:,} random networks of {about['space']}"
        f"{_within(about['limits'])}, scored by {about['score']} before training.",
        f"- Trained: {len(table)} of them, on {about['train_images']:,} images of "
        f"{about['images']}, {about['image_size']} pixels wide, for {_epochs(about)}.",
        "- Accuracies are those of the test images, in percent.",
        "",
        *_means(rows, about["score"]),
        "",
        "Intervals are 95 % intervals. p is the probability that two random groups of these",
        "networks differ as much.",
        "",
        *(f"- {line}" for line in _answers(rows, about)),
        *(f"- {line}" for line in _costs(table, about)),
        "",
        "What this cannot say:",
        "",
        *(f"- {line}" for line in _limits(rows, table, about)),
    ]
    return "\n".join(lines) + "\n"


def _means(rows: Mapping[tuple, Any], score: str) -> Iterator[str]:
    titles = GROUPS | {"best": f"the best by {score}"}
    yield "| networks | trained | mean accuracy | interval |"
    yield "|---|---:|---:|---|"
    for name, title in titles.items():
        row = rows["mean accuracy", name, ""]
        yield f"| {title} | {row.n} | {_number(row.value)} | {_interval(row)} |"


def _answers(rows: Mapping[tuple, Any], about: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the study found, one sentence each."""
    score = about["score"]
    beside = rows["difference", "best", "random"]
    yield (
        f"**By {score} against random**: {_signed(beside)} points {_interval(beside)}, "
        f"p = {_number(beside.p, 3)}. {_verdict(beside, 'the best by score', 'random networks')}"
    )
    size, large = rows["difference", "best", "largest"], rows["difference", "largest", "random"]
    explained = beside.low > 0 and not size.low > 0
    yield (
        f"**By {score} against size**: {_signed(size)} points {_interval(size)}, "
        f"p = {_number(size.p, 3)}. {_verdict(size, 'the best by score', 'the largest')} "
        f"The largest against random ones: {_signed(large)} points {_interval(large)}."
        f"{' Size, which costs nothing, may explain the gain.' if explained else ''}"
    )
    taus = {name: rows["tau", name, ACCURACY] for name in ("score", "params", "flops")}
    listed = ", ".join(
        f"{score if name == 'score' else name} {_number(row.value)} {_interval(row)}"
        for name, row in taus.items()
    )
    yield f"**Kendall tau with accuracy** among the {taus['score'].n} random networks: {listed}."
    if ("pick", "best", "") in rows:
        best, random = rows["pick", "best", ""], rows["pick", "random", ""]
        yield (
            f"**Train {best.n}, keep the best by validation accuracy**: {_number(best.value)} by "
            f"{score}, {_number(random.value)} {_interval(random)} of random networks, which reach "
            f"the former in {100 * best.p:.0f} % of all choices."
        )


def _verdict(row: Any, first: str, second: str) -> str:
    if not np.isfinite(row.low):
        return "There are too few networks for an interval."
    if row.low > 0:
        return f"So {first} train better than {second} here."
    if row.high < 0:
        return f"So {first} train worse than {second} here."
    return "The interval includes 0, so this is no evidence of a difference."


def _costs(table: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[str]:
    trained = int(table["train_seconds"].notna().sum())
    each = about["train_seconds"] / trained
    bought = about["score_seconds"] / each if each else np.nan
    yield (
        f"**Cost**: {about['score_seconds']:.0f} s for scoring {about['drawn']:,} networks, as "
        f"much as for training {_number(bought, 1)} (mean: {each:.0f} s, without the accuracies)."
    )


def _limits(
    rows: Mapping[tuple, Any], table: pd.DataFrame, about: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what the numbers leave open."""
    beside = rows["difference", "best", "random"]
    half = (beside.high - beside.low) / 2
    if np.isfinite(half):
        yield f"So few networks do not show a difference of less than about {half:.1f} points."
    yield (
        f"{_epochs(about)} on {about['train_images']:,} images show which networks learn fast. The "
        "order after a full training may differ."
    )
    yield "Each network was trained once, and scored on one mini-batch with one set of weights."
    failed = table[table[ACCURACY].isna()]
    if len(failed):
        first = failed["note"].iloc[0]
        yield f"{len(failed)} networks could not be trained and are left out; the first: {first}"


def _within(limits: str) -> str:
    return f" with {limits}" if limits else ""


def _epochs(about: Mapping[str, Any]) -> str:
    return f"{about['epochs']} epoch{'s' if about['epochs'] > 1 else ''}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def _signed(row: Any) -> str:
    return f"{row.value:+.2f}" if np.isfinite(row.value) else "–"


def _interval(row: Any) -> str:
    return f"[{row.low:.2f}, {row.high:.2f}]" if np.isfinite(row.low) else ""
