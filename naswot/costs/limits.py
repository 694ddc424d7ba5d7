"""Limits on costs, and the networks that no other network beats: the Pareto front."""

import bisect
import contextlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from naswot.costs import COSTS
from naswot.errors import NaswotError, shown

QUANTITY = re.compile(r"\s*(?P<number>[+-]?[\d_.,]+(e[+-]?\d+)?)\s*(?P<unit>[a-zA-Zµμ]*)\s*", re.I)
CHUNK = 512  # rows compared with the front at a time


def parse_quantity(text: str | float, kind: str) -> float:
    """Return a quantity as a number in the unit of the cost `kind`, a key of `COSTS`.

    Args:
        text: a positive number, optionally with a unit: "5M", "600M", "8ms", "0.2s", "200MB",
            "1.5GiB", "1e6". Without one it is in parameters, operations, bytes or milliseconds.
        kind: of the cost.

    Raises:
        NaswotError: there is no such cost, or the text is no such quantity.
    """
    cost = COSTS[known_cost(kind)]
    found = QUANTITY.fullmatch(str(text)) if not isinstance(text, bool) else None
    value = math.nan
    if found:
        units = {name.lower(): factor for name, factor in cost.units.items()}
        unit = found["unit"].lower().replace("µ", "u").replace("μ", "u")
        with contextlib.suppress(ValueError):
            value = float(found["number"]) * units.get(unit, math.nan if unit else 1.0)
    if not 0 < value < math.inf:
        units_text = ", ".join(filter(None, cost.units))
        raise NaswotError(
            f"{shown(text)} is no amount of {cost.title}; write a positive number such as "
            f"{' or '.join(cost.examples)}, with one of the units {units_text}."
        )
    return value


def known_cost(kind: str) -> str:
    """Return `kind` if it is the name of a cost.

    Raises:
        NaswotError: it is not.
    """
    if kind not in COSTS:
        raise NaswotError(f"There is no cost {shown(kind)}; there are {', '.join(COSTS)}.")
    return kind


@dataclass(frozen=True)
class Limits:
    """The highest costs that a network may have.

    Attributes:
        highest: cost → highest value, as a number in its unit or as text (`parse_quantity`).

    Raises:
        NaswotError: a cost does not exist, or a value is no such quantity.
    """

    highest: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {kind: parse_quantity(value, kind) for kind, value in self.highest.items()}
        ordered = {kind: known[kind] for kind in COSTS if kind in known}
        object.__setattr__(self, "highest", ordered)

    def __bool__(self) -> bool:
        return bool(self.highest)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The costs that are limited, in the order of `COSTS`."""
        return tuple(self.highest)

    @property
    def text(self) -> str:
        """The limits for readers: "params ≤ 5 M, latency ≤ 8 ms"."""
        limits = self.highest.items()
        return ", ".join(f"{kind} ≤ {COSTS[kind].short(value)}" for kind, value in limits)

    def only(self, kinds: Collection[str]) -> "Limits":
        """Return the limits of the costs among `kinds`."""
        return Limits({kind: value for kind, value in self.highest.items() if kind in kinds})

    def excess(self, costs: Mapping[str, float]) -> float:
        """Return by what share the costs exceed their limits, in sum; 0 if all are kept."""
        return sum(max(0.0, costs[kind] / limit - 1) for kind, limit in self.highest.items())

    def broken(self, costs: Mapping[str, float | None]) -> str:
        """Return the limits that `costs` break: "params, latency"; empty if none.

        A limited cost that is missing or NaN counts as broken: "latency unknown".
        """
        found = []
        for kind, limit in self.highest.items():
            value = costs.get(kind)
            if value is None or math.isnan(value):
                found.append(f"{kind} unknown")
            elif value > limit:
                found.append(kind)
        return ", ".join(found)


def pareto_front(columns: Sequence[Sequence[float]], maximised: Sequence[bool]) -> np.ndarray:
    """Return which rows no other row beats: none is as good in all columns and better in one.

    Args:
        columns: k columns of n numbers each.
        maximised: for each column, whether higher is better.

    Returns:
        bool (n,). Equal rows are on the front together. A row with NaN never is.

    A sweep in O(n log n) for up to three columns. With more, rows are compared with the front.
    """
    signs = np.where(np.asarray(maximised, bool), -1.0, 1.0)
    values = np.stack([np.asarray(column, float) for column in columns], axis=1) * signs
    front = np.zeros(len(values), bool)
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    if not len(known):
        return front
    # In lexicographic order a row comes after all that beat it.
    known = known[np.lexsort(values[known].T[::-1])]
    ordered = values[known]
    new = np.ones(len(known), bool)
    new[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    rows = ordered[new]
    kept = _sweep(rows) if rows.shape[1] <= 3 else _compare(rows)
    front[known] = kept[np.cumsum(new) - 1]
    return front


def _sweep(rows: np.ndarray) -> np.ndarray:
    """Return the rows on the front, of different rows (n, ≤ 3) in lexicographic order."""
    padded = np.zeros((len(rows), 3))
    padded[:, : rows.shape[1]] = rows
    kept = np.zeros(len(rows), bool)
    # The front so far without its first column: the second ascends, the third descends.
    seconds: list[float] = []
    thirds: list[float] = []
    for number, (second, third) in enumerate(padded[:, 1:].tolist()):
        place = bisect.bisect_right(seconds, second)
        if place and thirds[place - 1] <= third:
            continue
        kept[number] = True
        end = place
        while end < len(thirds) and thirds[end] >= third:
            end += 1
        if place and seconds[place - 1] == second:
            place -= 1
        seconds[place:end] = [second]
        thirds[place:end] = [third]
    return kept


def _compare(rows: np.ndarray) -> np.ndarray:
    """Return the rows on the front, of different rows (n, k) in lexicographic order."""
    front = rows[:0]
    kept = np.zeros(len(rows), bool)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        free = _unbeaten(chunk, front)
        own = chunk[free]
        free[free] = [
            not np.any(np.all(own[:number] <= row, axis=1)) for number, row in enumerate(own)
        ]
        kept[start : start + CHUNK] = free
        front = np.concatenate([front, chunk[free]])
    return kept


def _unbeaten(rows: np.ndarray, front: np.ndarray) -> np.ndarray:
    beaten = np.zeros(len(rows), bool)
    for start in range(0, len(front), CHUNK):
        part = front[start : start + CHUNK]
        beaten |= np.any(np.all(part[None] <= rows[:, None], axis=2), axis=1)
    return ~beaten
