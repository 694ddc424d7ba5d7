"""The table of a sweep in Markdown."""

import importlib.metadata
from collections import Counter
from collections.abc import Sequence

import torch

from naswot.runtime.cpu import processor_name
from sweeping.comparing import EQUAL, EQUAL_WITH_NOTE, NO_RELU, OUTCOMES, Row, difference


def counts(rows: Sequence[Row]) -> str:
    """Return how many networks came to what, one line per outcome."""
    packages = list(dict.fromkeys(row.package for row in rows))
    tally = Counter((row.package, row.outcome) for row in rows)
    lines = [f"| outcome | {' | '.join(packages)} |", f"|---|{'---:|' * len(packages)}"]
    for outcome in OUTCOMES:
        numbers = [tally[package, outcome] for package in packages]
        if any(numbers):
            lines.append(f"| {outcome} | {' | '.join(map(str, numbers))} |")
    lines.append(
        f"| in all | {' | '.join(str(sum(row.package == p for row in rows)) for p in packages)} |"
    )
    return "\n".join(lines)


def markdown(rows: Sequence[Row]) -> str:
    """Return counts, the largest difference and a line for each that is not plainly equal."""
    agreeing = [row for row in rows if row.outcome in (EQUAL, EQUAL_WITH_NOTE)]
    largest = max(agreeing, key=difference, default=None)
    exact = sum(difference(row) == 0 for row in agreeing)
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}"
        for package in dict.fromkeys(["torch", *(row.package for row in rows)])
    )
    text = [
        f"{processor_name()}, {torch.backends.cpu.get_cpu_capability()}; {versions}",
        counts(rows),
    ]
    if largest:
        text.append(
            f"Of {len(agreeing)} that are equal, {exact} are to the last bit; the scores of "
            f"{largest.network} differ most, by {difference(largest):.1e} of their value."
        )
    told = [row for row in rows if row.outcome not in (EQUAL, NO_RELU)]
    if told:
        text.append("\n".join([
            "| network | outcome | ReLUs, oracle's | units, oracle's | score, oracle's | said |",
            "|---|---|---:|---:|---:|---|",
            *map(_line, told),
        ]))  # fmt: skip
    return "\n\n".join(text)


def _line(row: Row) -> str:
    said = "; ".join(
        filter(None, [row.note, row.error, row.left_out and f"oracle: {row.left_out}"])
    )
    return (
        f"| {row.package} {row.network} | {row.outcome} | {row.relu_modules}, "
        f"{row.oracle_relu_modules} | {row.relu_units}, {row.oracle_relu_units} | "
        f"{row.score:.6f}, {row.oracle_score:.6f} | {_cell(said)} |"
    )


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 400 else f"{text[:400]}…"
