"""Draw standard normal noise instead of images, for comparison."""

from pathlib import Path

import numpy as np

from naswot.images.drawing import MiniBatch, unlabelled


def draw(count: int, size: int, generator: np.random.Generator, mirror: Path | None) -> MiniBatch:
    """Return images (count, 3, size, size) with independent N(0, 1) pixels, random labels."""
    images = generator.standard_normal((count, 3, size, size), dtype=np.float32)
    return unlabelled(images, generator)
