"""Describe architectures by numbers, from which their accuracy can be predicted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from naswot.errors import NaswotError
from naswot.spaces import Space


def encode(space: Space, architectures: Sequence[str]) -> pd.DataFrame:
    """Return numbers that describe `architectures`: one row for each, in order, of float64.

    Args:
        space: a search space with `Space.encode`.
        architectures: n of its architectures, which become the index.

    Raises:
        NaswotError: the space describes none, or an architecture is malformed.
    """
    if space.encode is None:
        raise NaswotError(f"{space.name} has no encoding of its architectures as numbers.")
    rows = [space.encode(arch) for arch in architectures]
    return pd.DataFrame(rows, index=list(architectures), dtype=np.float64)
