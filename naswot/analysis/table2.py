"""Table 2 of the paper: what the searches find, measured here beside what was published."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import DATASETS
from naswot.files import read_metadata, read_parquet, replacing

SPLITS = ("valid", "test")
ACCURACIES = [f"{dataset}_{split}" for dataset in DATASETS for split in SPLITS]
COLUMNS = [
    "benchmark",
    "family",
    "method",
    "source",
    "runs",
    "search_seconds",
    *(f"{accuracy}_{statistic}" for accuracy in ACCURACIES for statistic in ("mean", "std")),
    "note",
]

# Each method as the paper prints it, and in its order.
_NAMES = {"naswot": "NASWOT (N={})", "random": "Random", "optimal": "Optimal (N={})"}

_FAMILIES = {
    "non-weight-sharing": "Non-weight sharing",
    "weight-sharing": "Weight sharing",
    "training-free": "Training-free",
}


def write_table2(
    searches: Sequence[str | Path],
    published: str | Path,
    csv: str | Path,
    markdown: str | Path,
) -> None:
    """Write Table 2 as CSV (the columns of `COLUMNS`) and as Markdown.

    Args:
        searches: Parquet files of `naswot.searching.search_table`, for every dataset and method.
        published: CSV file with the paper's rows, in the same columns.
        csv, markdown: the files to write.
    """
    described = [read_metadata(path) for path in searches]
    runs = pd.concat(
        [
            read_parquet(path).assign(dataset=one["dataset"])
            for path, one in zip(searches, described, strict=True)
        ],
        ignore_index=True,
    )
    space = described[0]["space"]
    images = {one["dataset"]: one["images"] for one in described}
    paper = pd.read_csv(published)
    table = merge(paper[paper["benchmark"] == space], summarise(runs, space, images))
    with replacing(csv) as temporary:
        table.to_csv(temporary, index=False, float_format="%.2f")
    with replacing(markdown) as temporary:
        temporary.write_text(to_markdown(table), encoding="utf-8")


def summarise(runs: pd.DataFrame, space: str, images: Mapping[str, str]) -> pd.DataFrame:
    """Return a measured row for every method and sample size in `runs`.

    Args:
        runs: rows of `naswot.searching.search`, with the column `dataset`.
        space: the benchmark.
        images: dataset → the image source whose scores its searches used.

    Returns:
        The columns of `COLUMNS`; mean and standard deviation over runs, in percent. What the
        runs lack stays empty, with the reason in `note`.
    """
    rows = []
    for (method, size), group in runs.groupby(["method", "sample_size"], sort=False):
        by_dataset = dict(tuple(group.groupby("dataset")))
        seconds = {name: part["search_seconds"].mean() for name, part in by_dataset.items()}
        row = {
            "benchmark": space,
            "family": "training-free",
            "method": _NAMES[method].format(size),
            "source": "measured",
            "runs": group["run"].nunique(),
            "search_seconds": np.mean(list(seconds.values())),
        }
        notes = []
        if method == "naswot":
            sources = sorted({images[name] for name in by_dataset})
            notes.append(f"scored on {', '.join(sources)}")
        elif method == "optimal":
            notes.append("best of the N on each split by itself")
        for name, dataset in DATASETS.items():
            if name not in by_dataset:
                notes.append(f"{dataset.title} was not asked for")
                continue
            for split in SPLITS:
                values = by_dataset[name][split]
                row[f"{name}_{split}_mean"] = values.mean()
                row[f"{name}_{split}_std"] = values.std()
        lacking = [
            getattr(DATASETS[name], split)
            for name in by_dataset
            for split in SPLITS
            if by_dataset[name][split].isna().all()
        ]
        if lacking:
            notes.append(f"the benchmark table has no {', '.join(lacking)}")
        row["note"] = "; ".join(notes)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def merge(published: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return both, each measured row right below the published row of its method."""
    table = pd.concat([published.astype(object), measured.astype(object)], ignore_index=True)
    methods = {method: place for place, method in enumerate(dict.fromkeys(table["method"]))}
    families = {family: place for place, family in enumerate(_FAMILIES)}
    order = pd.DataFrame(
        {
            "family": table["family"].map(families),
            "method": table["method"].map(methods),
            "source": table["source"].map({"published": 0, "measured": 1}),
        }
    )
    ordered = table.loc[order.sort_values(["family", "method", "source"]).index, COLUMNS]
    numbers = [name for name in COLUMNS if name.endswith(("_seconds", "_mean", "_std"))]
    return ordered.astype(dict.fromkeys(numbers, float)).reset_index(drop=True)


def to_markdown(table: pd.DataFrame) -> str:
    """Return the table for reading: a line a row, mean ± std, and the notes below."""
    titles = [f"{dataset.title} {split}" for dataset in DATASETS.values() for split in SPLITS]
    notes: dict[str, int] = {}
    lines, family = [], None
    for row in table.to_dict("records"):
        if row["family"] != family:
            family = row["family"]
            lines.append([f"**{_FAMILIES[family]}**", *[""] * (len(ACCURACIES) + 2)])
        note = row["note"]
        mark = ""
        if isinstance(note, str) and note:
            mark = f" [{notes.setdefault(note, len(notes) + 1)}]"
        lines.append(
            [
                f"{row['method']}{mark}",
                row["source"],
                _number(row["search_seconds"], 0 if row["search_seconds"] >= 1000 else 2),
                *(_spread(row, accuracy) for accuracy in ACCURACIES),
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
