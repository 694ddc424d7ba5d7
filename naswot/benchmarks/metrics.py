"""What the values of a trained network measure, as the key of their column tells.

A key is ``dataset/split/epochs``. Its values are accuracies in percent, unless the split ends with
the name of another metric: ``normal/valid-ssim/30``. Of all metrics higher values are better; a
loss is negated for that.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Metric:
    """A measure of trained networks; higher is better.

    Attributes:
        title: its name in texts and figures.
        low, high: the least and the largest possible value.
        unit: "%", or "" for a plain number.
        finer: decimals to show beyond those of a percentage.
    """

    title: str
    low: float
    high: float
    unit: str = ""
    finer: int = 0

    def label(self, words: str = "") -> str:
        """Return its name, `words` and its unit, for an axis: ``accuracy when trained (%)``."""
        return " ".join(filter(None, (self.title, words, self.unit and f"({self.unit})")))

    def number(self, value: float, digits: int) -> str:
        """Return a value as text, with the `digits` that suit a percentage, or more."""
        return f"{value:.{digits + self.finer}f}"


ACCURACY = Metric("accuracy", 0.0, 100.0, "%")

# The last part of a split → its metric.
METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "miou": Metric("mIoU", 0.0, 100.0, "%"),
        "ssim": Metric("SSIM", -1.0, 1.0, finer=2),
        "neg-loss": Metric("negative loss", -math.inf, 0.0, finer=2),
    }
)


def metric_of(key: str) -> Metric:
    """Return the metric of a key ``dataset/split/epochs``."""
    split = f"/{key}/".split("/")[2]
    return next((METRICS[name] for name in METRICS if split.endswith(f"-{name}")), ACCURACY)
