"""Read the accuracies of torchvision's classifiers, which `naswot.spaces.zoo.published` has.

They are top-1 accuracies on ImageNet's validation set, in percent, at the resolution `side`. The
third part of a key says how the networks were trained:

- ``recipe-v1``, ``recipe-v2``: the weights IMAGENET1K_V1 and IMAGENET1K_V2, as published. V1 was
  published first, trained in many ways; V2 was trained with torchvision's "new training recipe".
- ``recipe-simple``: those V1 that, as torchvision says, were trained with a "simple" or
  "simplified" recipe. Epochs and learning rates differ among them, too.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from naswot.spaces.zoo.published import LIMITS, within

KEY = "ImageNet/val/recipe-{}"


def read(_: Path, space: str) -> pd.DataFrame:
    """Return the benchmark table of a space: also `gmacs`, `side` and `recipe`, as in `Network`."""
    networks = within(LIMITS[space][0])
    return pd.DataFrame(
        {
            "index": range(len(networks)),
            "arch": [each.name for each in networks],
            "params": [each.params for each in networks],
            "gmacs": [each.gmacs for each in networks],
            "side": [each.side for each in networks],
            "recipe": [each.recipe for each in networks],
            KEY.format("simple"): _accuracies(
                each.v1 if each.recipe == "simple" else None for each in networks
            ),
            KEY.format("v1"): _accuracies(each.v1 for each in networks),
            KEY.format("v2"): _accuracies(each.v2 for each in networks),
        }
    )


def _accuracies(values: Iterable[float | None]) -> pd.Series:
    return pd.Series(list(values), dtype="float64")
