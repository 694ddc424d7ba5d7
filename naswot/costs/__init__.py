"""What networks cost: parameters, operations, memory and latency, and limits on them.

This file does not import torch, so that help texts take little time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

THOUSANDS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
BYTES = {
    "B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Cost:
    """One kind of cost; less is better.

    Attributes:
        title: what it is, in tables and messages.
        unit: of the numbers in columns; empty for numbers of things.
        summary: one line about it.
        units: what may follow a number → how many of `unit` that is.
        shown: the units that readers see, smallest first.
        examples: of quantities, for messages.
    """

    title: str
    unit: str
    summary: str
    units: Mapping[str, float]
    shown: tuple[str, ...]
    examples: tuple[str, ...]

    def short(self, value: float) -> str:
        """Return a value as text for readers: "4.9 M", "8.2 ms", "12 MB"; "–" for NaN."""
        if math.isnan(value):
            return "–"
        rounded = float(f"{value:.3g}")
        fitting = [name for name in self.shown if abs(rounded) >= self.units[name]]
        name = fitting[-1] if fitting else self.shown[0]
        number = rounded / self.units[name]
        return f"{f'{number:,.0f}' if number >= 100 else f'{number:.3g}'} {name}".rstrip()


COSTS = {
    "params": Cost(
        "parameters",
        "",
        "trainable parameters",
        THOUSANDS,
        ("", "K", "M", "G", "T"),
        ("600K", "5M"),
    ),
    "flops": Cost(
        "operations",
        "",
        "operations for one image; a multiplication and an addition count as two",
        THOUSANDS,
        ("", "K", "M", "G", "T"),
        ("600M", "1.5G"),
    ),
    "memory": Cost(
        "memory",
        "B",
        "peak bytes of the activations for one image",
        BYTES,
        ("B", "KB", "MB", "GB", "TB"),
        ("200MB", "1.5GiB"),
    ),
    "latency": Cost(
        "latency",
        "ms",
        "median milliseconds of a forward pass",
        MILLISECONDS,
        ("us", "ms", "s"),
        ("8ms", "0.2s"),
    ),
}
COUNTED = ("params", "flops", "memory")  # they are the same on every machine
