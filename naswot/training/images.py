"""Hold labelled images on the device as tensors; yield augmented batches in a new order per epoch.

`split_images` and `read_images` are their file format.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.images.labelled import LabelledImages, divide
from naswot.io.npz import read_arrays, write_arrays
from naswot.runtime.provenance import build_metadata
from naswot.training.protocol import EVALUATED

PARTS = ("train", *EVALUATED)


@dataclass(frozen=True)
class Part:
    """Images uint8 (N, H, W, 3) and labels int64 (N,), on one device."""

    pixels: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """Images on which a network is trained and tested.

    Attributes:
        train, valid, test: the images; `valid` may be empty.
        classes: number of classes.
        mean, std: float32 (3,), per channel, on the scale 0–255.
        about: the metadata of the images' file.
    """

    train: Part
    valid: Part
    test: Part
    classes: int
    mean: torch.Tensor
    std: torch.Tensor
    about: dict

    @classmethod
    def of(cls, images: LabelledImages, device: torch.device, about: dict | None = None) -> "Data":
        """Return `images` on `device`."""
        train, valid, test = (
            Part(torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device))
            for pixels, labels in (images.train, images.valid, images.test)
        )
        mean, std = (torch.tensor(moment, device=device) for moment in (images.mean, images.std))
        return cls(train, valid, test, images.classes, mean, std, about or {})

    def described(self) -> dict[str, Any]:
        """Return what results say of the images: their source, their numbers and their size."""
        names = [name for name in self.about if name.endswith("images")]
        return {name: self.about[name] for name in (*names, "image_size")}

    def normalised(self, pixels: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
        """Return images (B, H, W, 3) as float32 (B, 3, H, W) in the memory format `layout`."""
        scaled = (pixels.float() - self.mean) / self.std
        return scaled.permute(0, 3, 1, 2).contiguous(memory_format=layout)

    def fingerprint(self) -> str:
        """Return a digest of all images and labels."""
        digest = hashlib.sha256()
        for part in (self.train, self.valid, self.test):
            digest.update(part.pixels.cpu().numpy().tobytes())
            digest.update(part.labels.cpu().numpy().tobytes())
        return digest.hexdigest()


def batches(
    part: Part, batch_size: int, augmented: bool, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield pixels (B, H, W, 3) and labels (B,) of all images once, in an order from `generator`.

    The generator is the CPU's, so that every device gets the same images. A last batch of one image
    is skipped, because batch normalisation needs at least two.
    """
    device = part.labels.device
    for chosen in torch.randperm(len(part), generator=generator).split(batch_size):
        if len(chosen) == 1:
            continue
        rows = chosen.to(device)
        pixels = part.pixels[rows]
        yield (augment(pixels, generator) if augmented else pixels), part.labels[rows]


def steps_in(part: Part, batch_size: int) -> int:
    """Return how many batches `batches` yields."""
    whole, rest = divmod(len(part), batch_size)
    return whole + (rest > 1)


def augment(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return images (B, H, W, 3), mirrored at random and shifted by up to an eighth of their side.

    Pixels that a shift brings in are black.
    """
    count, side = pixels.shape[:2]
    pad = max(1, side // 8)
    mirrored = torch.rand(count, generator=generator) < 0.5
    shifts = torch.randint(2 * pad + 1, (2, count, 1), generator=generator)
    rows, columns = torch.arange(side) + shifts
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    rows, columns = rows.to(pixels.device), columns.to(pixels.device)
    padded = functional.pad(pixels, (0, 0, pad, pad, pad, pad))
    image = torch.arange(count, device=pixels.device)
    return padded[image[:, None, None], rows[:, :, None], columns[:, None, :]]


def split_images(
    output: str | Path,
    *,
    name: str,
    directory: str | Path | None,
    size: int,
    seed: int,
    train_images: int | str,
    valid_images: int,
    shrink: bool = False,
) -> None:
    """Write the result of `naswot.images.labelled.divide` to an .npz file; arguments as there.

    Its arrays are the images `train`, `valid` and `test`, and the labels `train_labels` and so on.

    Args:
        shrink: whether images of a fixed size become `size` pixels wide, each the mean of a square.

    Raises:
        NaswotError: as `divide`, or `size` does not divide the fixed size.
    """
    found = divide(name, directory, size, seed, train_images, valid_images)
    arrays = {}
    for part in PARTS:
        pixels, arrays[f"{part}_labels"] = getattr(found, part)
        arrays[part] = _shrunk(pixels, size) if shrink else pixels
    settings = build_metadata(
        images=found.source,
        origin=found.origin,
        image_size=arrays["train"].shape[1],
        seed=seed,
        classes=found.classes,
        mean=found.mean,
        std=found.std,
        **{f"{part}_images": len(arrays[part]) for part in PARTS},
    )
    write_arrays(output, settings, **arrays)


def _shrunk(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return images (N, H, H, 3) as (N, size, size, 3)."""
    count, side = pixels.shape[:2]
    if side % size:
        raise NaswotError(f"images of {side}×{side} pixels cannot become {size} pixels wide.")
    squares = pixels.reshape(count, size, side // size, size, side // size, 3)
    return squares.mean(axis=(2, 4)).round().astype(np.uint8)


def read_images(path: str | Path, device: torch.device) -> Data:
    """Return what `split_images` wrote, on `device`.

    Raises:
        NaswotError: the file is missing or damaged.
    """
    arrays = read_arrays(path)
    try:
        about = json.loads(str(arrays["metadata"]))
        train, valid, test = ((arrays[part], arrays[f"{part}_labels"]) for part in PARTS)
        moments = about["mean"], about["std"]
        images = LabelledImages(train, valid, test, about["classes"], *moments)
    except KeyError as error:
        raise NaswotError(f"{path} has no {error}: delete it and run again.") from error
    return Data.of(images, device, about)
