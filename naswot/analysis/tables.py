"""Tables 1 and 2 of the paper: what the searches find, measured beside what was published."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import TITLES, datasets_of
from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, replacing
from naswot.spaces import get_space

SPLITS = ("valid", "test")


def accuracies(datasets: Iterable[str]) -> list[str]:
    """Return the accuracies that a table of `datasets` has, such as cifar10_valid."""
    return [f"{dataset}_{split}" for dataset in datasets for split in SPLITS]


def columns(datasets: Iterable[str]) -> list[str]:
    """Return the columns of a table of `datasets`: a public interface."""
    return [
        "benchmark",
        "family",
        "method",
        "source",
        "runs",
        "search_seconds",
        *(f"{name}_{statistic}" for name in accuracies(datasets) for statistic in ("mean", "std")),
        "note",
    ]


# Each method as the paper prints it, and in its order. The method naswot may go by another score.
_NAMES = {"naswot": "{score} (N={size})", "random": "Random", "optimal": "Optimal (N={size})"}

_FAMILIES = {
    "non-weight-sharing": "non-weight sharing",
    "weight-sharing": "weight sharing",
    "training-free": "training-free",
}


def write_table(
    searches: Sequence[str | Path],
    published: str | Path,
    csv: str | Path,
    markdown: str | Path,
    *,
    datasets: Sequence[str],
    missing: Sequence[str] = (),
) -> None:
    """Write a table as CSV, with the columns of `columns(datasets)`, and as Markdown.

    Args:
        searches: Parquet files of `naswot.searching.search_table`, for every space, dataset and
            method of the table.
        published: CSV file with the paper's rows, in the same columns.
        csv, markdown: the files to write.
        datasets: the table's datasets, in order.
        missing: spaces that belong to the table and were left out for want of data.
    """
    if not searches:
        wanted = " or ".join(get_spaces(pd.read_csv(published)))
        raise NaswotError(
            f"There is nothing to put into {csv}: name {wanted} in `spaces`, with data, and "
            f"{' or '.join(datasets)} in `datasets`."
        )
    described = [read_metadata(path) for path in searches]
    runs = pd.concat(
        [
            read_parquet(path).assign(
                **{name: one.get(name) for name in ("space", "dataset", "images")},
                score_name=one.get("score"),
                pool=_pool(one),
            )
            for path, one in zip(searches, described, strict=True)
        ],
        ignore_index=True,
    )
    paper = pd.read_csv(published)
    searched = set(runs["space"])
    spaces = [space for space in get_spaces(paper) if space in (*searched, *missing)]
    measured = [
        summarise(runs[runs["space"] == space], space, datasets)
        for space in spaces
        if space in searched
    ]
    table = merge(
        paper[paper["benchmark"].isin(spaces)],
        pd.concat(measured, ignore_index=True),
        datasets,
    )
    with replacing(csv) as temporary:
        table.to_csv(temporary, index=False, float_format="%.2f")
    with replacing(markdown) as temporary:
        text = to_markdown(table, datasets)
        for space in missing:
            text += f"\nNothing was measured on {get_space(space).title}: there is no data of it.\n"
        temporary.write_text(text, encoding="utf-8")


def get_spaces(paper: pd.DataFrame) -> list[str]:
    """Return the benchmarks of the published rows, in their order."""
    return list(dict.fromkeys(paper["benchmark"]))


def _pool(described: Mapping) -> str:
    """Say what a search drew from, by its metadata; nothing if from all that a space has."""
    if "sample" not in described:
        return "drawn from the whole space"
    if described["sample"] == "all":
        return ""
    size, seed = described["sample"], described["pool_seed"]
    return f"drawn from a random pool of {size:,} architectures (seed {seed})"


def summarise(runs: pd.DataFrame, space: str, datasets: Sequence[str]) -> pd.DataFrame:
    """Return a measured row for every method, sample size and pool in `runs`.

    Args:
        runs: rows of `naswot.searching.search` with the columns `dataset`; `pool`, what was
            drawn from, in words; and `score_name` and `images`, the score and what it was
            computed on.
        space: the benchmark.
        datasets: the table's datasets, in order.

    Returns:
        The columns of `columns(datasets)`; mean and standard deviation over runs, in percent.
        What the runs lack stays empty, with the reason in `note`.
    """
    rows = []
    for (method, size, pool), group in runs.groupby(["method", "sample_size", "pool"], sort=False):
        by_dataset = dict(tuple(group.groupby("dataset")))
        seconds = {name: part["search_seconds"].mean() for name, part in by_dataset.items()}
        row = {
            "benchmark": space,
            "family": "training-free",
            "method": _NAMES[method].format(score=_score_name(group), size=size),
            "source": "measured",
            "runs": group["run"].nunique(),
            "search_seconds": np.mean(list(seconds.values())),
        }
        notes = []
        if method == "naswot":
            sources = sorted(set(group["images"]))
            notes.append(f"scored on {', '.join(sources)}")
        elif method == "optimal":
            notes.append("best of the N on each split by itself")
        if pool:
            notes.append(pool)
        for name in datasets:
            if name not in by_dataset:
                notes.append(f"{TITLES[name]} was not asked for")
                continue
            for split in SPLITS:
                values = by_dataset[name][split]
                row[f"{name}_{split}_mean"] = values.mean()
                row[f"{name}_{split}_std"] = values.std()
        keys = {
            getattr(datasets_of(space)[name], split): by_dataset[name][split].isna()
            for name in by_dataset
            for split in SPLITS
        }
        lacking = [key for key, absent in keys.items() if absent.all()]
        if lacking:
            notes.append(f"the benchmark table has no {', '.join(lacking)} of these architectures")
        notes.extend(
            f"mean of the {(~absent).sum()} of {len(absent)} runs whose architecture has {key}"
            for key, absent in keys.items()
            if absent.any() and not absent.all()
        )
        row["note"] = "; ".join(notes)
        rows.append(row)
    return pd.DataFrame(rows, columns=columns(datasets))


def _score_name(runs: pd.DataFrame) -> str:
    (score,) = set(runs["score_name"])
    return "NASWOT" if score == "naswot" else score


def merge(published: pd.DataFrame, measured: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """Return both, each measured row right below the published row of its method."""
    table = pd.concat([published.astype(object), measured.astype(object)], ignore_index=True)
    places = {name: dict.fromkeys(table[name]) for name in ("benchmark", "method")}
    places |= {"family": _FAMILIES, "source": ("published", "measured")}
    order = pd.DataFrame(
        {
            name: table[name].map({value: place for place, value in enumerate(places[name])})
            for name in ("benchmark", "family", "method", "source")
        }
    )
    named = columns(datasets)
    ordered = table.loc[order.sort_values(list(order)).index, named]
    numbers = [name for name in named if name.endswith(("_seconds", "_mean", "_std"))]
    return ordered.astype(dict.fromkeys(numbers, float)).reset_index(drop=True)


def to_markdown(table: pd.DataFrame, datasets: Sequence[str]) -> str:
    """Return the table for reading: a line a row, mean ± std, and the notes below."""
    shown = accuracies(datasets)
    titles = [f"{TITLES[dataset]} {split}" for dataset in datasets for split in SPLITS]
    notes: dict[str, int] = {}
    lines, section = [], None
    for row in table.to_dict("records"):
        if (row["benchmark"], row["family"]) != section:
            section = row["benchmark"], row["family"]
            heading = f"{get_space(row['benchmark']).title}: {_FAMILIES[row['family']]}"
            lines.append([f"**{heading}**", *[""] * (len(shown) + 2)])
        note = row["note"]
        mark = ""
        if isinstance(note, str) and note:
            mark = f" [{notes.setdefault(note, len(notes) + 1)}]"
        lines.append(
            [
                f"{row['method']}{mark}",
                row["source"],
                _number(row["search_seconds"], 0 if row["search_seconds"] >= 1000 else 2),
                *(_spread(row, accuracy) for accuracy in shown),
            ]
        )
    text = _aligned([["Method", "", "Search (s)", *titles], *lines])
    footnotes = [f"[{number}] {note}." for note, number in notes.items()]
    return (
        "\n".join(
            [
                *text,
                "",
                "Accuracies in percent, mean ± standard deviation over runs.",
                "",
                *footnotes,
            ]
        ).rstrip()
        + "\n"
    )


def _spread(row: Mapping, accuracy: str) -> str:
    mean, std = row[f"{accuracy}_mean"], row[f"{accuracy}_std"]
    return f"{_number(mean)} ± {_number(std)}" if np.isfinite(mean) else ""


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return Markdown table lines, padded so that they also read well as plain text."""
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], "-" * widths[1], *("-" * (width - 1) + ":" for width in widths[2:])]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    return [line(rows[0]), line(rule), *(line(row) for row in rows[1:])]
