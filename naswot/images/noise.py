"""Standard normal noise: the least an image can be, for comparison."""

from pathlib import Path

import numpy as np


def draw(count: int, size: int, generator: np.random.Generator, mirror: Path | None) -> np.ndarray:
    """Return float32 images (count, 3, size, size) with independent N(0, 1) pixels."""
    return generator.standard_normal((count, 3, size, size), dtype=np.float32)
