"""Train every architecture of the example and write accuracies.csv: minutes on a laptop.

The task is made of what is installed anyway: from which of scikit-image's photographs is a patch?
Networks train on patches of the left halves and are tested on patches of the right halves.

    python examples/custom_space/train.py
"""

from pathlib import Path

import numpy as np
import pandas as pd
import skimage.data
import torch
from space import ARCHITECTURES, build
from torch.nn.functional import cross_entropy

SIDE, EPOCHS, PATCHES, BATCH = 16, 10, 3000, 100


def patches(images: list[np.ndarray], generator: np.random.Generator) -> tuple:
    """Return random patches (PATCHES, 3, SIDE, SIDE) of `images`, and the image of each."""
    labels = generator.integers(len(images), size=PATCHES)
    cut = np.empty((PATCHES, SIDE, SIDE, 3), np.float32)
    for patch, label in zip(cut, labels, strict=True):
        height, width, _ = images[label].shape
        top, left = generator.integers(height - SIDE), generator.integers(width - SIDE)
        patch[:] = images[label][top : top + SIDE, left : left + SIDE]
    # Neither colour nor brightness shall give a photograph away.
    cut -= cut.mean((1, 2), keepdims=True)
    cut /= cut.std((1, 2, 3), keepdims=True) + 1
    return torch.from_numpy(cut.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)


def accuracy(arch: str, train: tuple, test: tuple, seed: int) -> float:
    """Return the test accuracy of `arch` in percent after EPOCHS epochs."""
    torch.manual_seed(seed)
    network = build(arch, int(train[1].max()) + 1)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * PATCHES // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(PATCHES).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(network(train[0][chosen]), train[1][chosen]).backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        return 100 * (network(test[0]).argmax(1) == test[1]).double().mean().item()


def main() -> None:
    """Train all architectures and write accuracies.csv beside this file."""
    photographs = [getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee")]
    halves = [
        (image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :]) for image in photographs
    ]
    generator = np.random.default_rng(0)
    train, test = (patches([half[side] for half in halves], generator) for side in (0, 1))
    rows = []
    for number, arch in enumerate(ARCHITECTURES, 1):
        params = sum(parameter.numel() for parameter in build(arch, 3).parameters())
        found = accuracy(arch, train, test, seed=0)
        rows.append({"arch": arch, "params": params, f"photographs/test/{EPOCHS}": round(found, 2)})
        print(f"{number} of {len(ARCHITECTURES)}: {arch} {found:.2f} %", flush=True)
    pd.DataFrame(rows).to_csv(Path(__file__).with_name("accuracies.csv"), index=False)


if __name__ == "__main__":
    main()
