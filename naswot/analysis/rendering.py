"""Write Tables 1 and 2 as Markdown, which is also readable as plain text, and as LaTeX."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import TITLES
from naswot.spaces import SPACES

SPLITS = ("valid", "test")
FAMILIES = {
    "non-weight-sharing": "non-weight sharing",
    "weight-sharing": "weight sharing",
    "training-free": "training-free",
}
CAPTION = "Accuracies in percent, mean ± standard deviation over runs."


def accuracies(datasets: Iterable[str]) -> list[str]:
    """Return the names of the accuracies in a table of `datasets`, such as cifar10_valid."""
    return [f"{dataset}_{split}" for dataset in datasets for split in SPLITS]


def to_markdown(table: pd.DataFrame, datasets: Sequence[str], remarks: Sequence[str] = ()) -> str:
    """Return the table as Markdown: one line per row, mean ± std, and the notes below.

    Args:
        table: the columns of `naswot.analysis.tables.columns(datasets)`.
        datasets: its data sets, in order.
        remarks: sentences after the notes.
    """
    notes: dict[str, int] = {}
    lines, section = [], None
    for heading, cells in _lines(table, datasets, notes, "{value} ± {std}", " [{number}]"):
        if heading != section:
            section = heading
            lines.append([f"**{heading}**", *[""] * (len(cells) - 1)])
        lines.append(cells)
    text = _aligned([_header(datasets), *lines])
    footnotes = [f"[{number}] {note}." for note, number in notes.items()]
    return "\n".join([*text, "", CAPTION, "", *footnotes, *remarks]).rstrip() + "\n"


def to_latex(table: pd.DataFrame, datasets: Sequence[str], remarks: Sequence[str] = ()) -> str:
    r"""Return the table as a LaTeX environment for ``\input``; it needs the package booktabs.

    Arguments as `to_markdown`.
    """
    notes: dict[str, int] = {}
    mark = "\\textsuperscript{{{number}}}"
    rows = [
        (_escaped(heading), *map(_escaped, cells[:2]), *cells[2:])
        for heading, cells in _lines(table, datasets, notes, "${value} \\pm {std}$", mark)
    ]
    header = ["", *map(_escaped, _header(datasets))]
    frame = pd.DataFrame(rows, columns=pd.RangeIndex(len(header)))
    sections = dict.fromkeys(frame[0])
    body = []
    for section in sections:
        part = frame[frame[0] == section].drop(columns=0)
        text = part.to_latex(header=False, index=False, escape=False).splitlines()
        first, last = (text.index(rule) for rule in ("\\toprule", "\\bottomrule"))
        heading = f"\\multicolumn{{{len(header) - 1}}}{{l}}{{\\textit{{{section}}}}} \\\\"
        body += ["\\midrule", heading, *text[first + 1 : last]]
    footnotes = [
        f"{mark.format(number=number)} {_escaped(_braced(note))}." for note, number in notes.items()
    ]
    return "\n".join(
        [
            "\\begin{table}",
            f"\\caption{{{_escaped(CAPTION)}}}",
            f"\\begin{{tabular}}{{ll{'r' * (len(header) - 3)}}}",
            "\\toprule",
            " & ".join(header[1:]) + " \\\\",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "",
            "\\footnotesize",
            *(f"{line}\n" for line in [*footnotes, *map(_escaped, remarks)]),
            "\\end{table}",
            "",
        ]
    )


def _header(datasets: Sequence[str]) -> list[str]:
    titles = [f"{TITLES[dataset]} {split}" for dataset in datasets for split in SPLITS]
    return ["Method", "", "Search (s)", *titles]


def _lines(
    table: pd.DataFrame, datasets: Sequence[str], notes: dict[str, int], spread: str, mark: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield the section and the cells of each row, and number the notes in `notes`."""
    for row in table.to_dict("records"):
        heading = f"{SPACES[row['benchmark']].title}: {FAMILIES[row['family']]}"
        note, seconds = row["note"], row["search_seconds"]
        name = row["method"]
        if isinstance(note, str) and note:
            name += mark.format(number=notes.setdefault(note, len(notes) + 1))
        yield (
            heading,
            [
                name,
                row["source"],
                _number(seconds, 0 if seconds >= 1000 else 2),
                *(_spread(row, accuracy, spread) for accuracy in accuracies(datasets)),
            ],
        )


def _spread(row: Mapping, accuracy: str, form: str) -> str:
    mean, std = row[f"{accuracy}_mean"], row[f"{accuracy}_std"]
    return form.format(value=_number(mean), std=_number(std)) if np.isfinite(mean) else ""


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _braced(text: str) -> str:
    """Return text with its braces escaped for LaTeX."""
    return text.replace("{", "\\{").replace("}", "\\}")


def _escaped(text: str) -> str:
    """Return text as LaTeX source; LaTeX commands in it are kept."""
    for character in "&%#_":
        text = text.replace(character, f"\\{character}")
    return text.replace("±", "$\\pm$").replace("×", "$\\times$").replace("−", "$-$")


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, padded so that they are readable as plain text."""
    rows = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], "-" * widths[1], *("-" * (width - 1) + ":" for width in widths[2:])]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    return [line(rows[0]), line(rule), *(line(row) for row in rows[1:])]
