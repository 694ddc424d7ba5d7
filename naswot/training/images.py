"""Labelled images on the device, as tensors: drawn in a new order every epoch, and augmented."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.images import get_source
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
    """What a network is trained and tested on.

    Attributes:
        train, valid, test: the images; `valid` may be empty.
        classes: how many there are.
        mean, std: float32 (3,), on the scale 0–255.
        about: the metadata of the file that they come from.
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
        mean, std = (torch.tensor(one, device=device) for one in (images.mean, images.std))
        return cls(train, valid, test, images.classes, mean, std, about or {})

    def normalised(self, pixels: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
        """Return images (B, H, W, 3) as float32 (B, 3, H, W) in the memory format `layout`."""
        scaled = (pixels.float() - self.mean) / self.std
        return scaled.permute(0, 3, 1, 2).contiguous(memory_format=layout)

    def fingerprint(self) -> str:
        """Return a digest of all that a network sees in training."""
        digest = hashlib.sha256()
        for part in (self.train, self.valid, self.test):
            digest.update(part.pixels.cpu().numpy().tobytes())
            digest.update(part.labels.cpu().numpy().tobytes())
        return digest.hexdigest()


def batches(
    part: Part, batch_size: int, augmented: bool, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield pixels (B, H, W, 3) and labels (B,) of all images once, in an order of `generator`.

    The generator is the CPU's, so that every device sees the same images. A single image that is
    left over is left out, for batch normalisation cannot do with one.
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
    """Return images (B, H, W, 3), each mirrored or not and shifted by up to an eighth of its side.

    What moves in is black.
    """
    count, side = pixels.shape[:2]
    pad = max(1, side // 8)
    mirrored = torch.rand(count, generator=generator) < 0.5
    places = torch.arange(side) + torch.randint(2 * pad + 1, (2, count, 1), generator=generator)
    rows, columns = places
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    rows, columns = rows.to(pixels.device), columns.to(pixels.device)
    padded = functional.pad(pixels, (0, 0, pad, pad, pad, pad))
    which = torch.arange(count, device=pixels.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def write_images(
    output: str | Path,
    *,
    name: str,
    directory: str | Path | None,
    size: int,
    seed: int,
    train_images: int | str,
    valid_images: int,
) -> None:
    """Write `naswot.images.labelled.divide` to an .npz file; arguments as there.

    Its arrays are `train`, `valid` and `test`, and their labels `train_labels` and so on.
    """
    found = divide(name, directory, size, seed, train_images, valid_images)
    arrays = {}
    for part in PARTS:
        arrays[part], arrays[f"{part}_labels"] = getattr(found, part)
    settings = build_metadata(
        images=name,
        origin=get_source(name).origin,
        image_size=found.train[0].shape[1],
        seed=seed,
        classes=found.classes,
        mean=found.mean,
        std=found.std,
        **{f"{part}_images": len(arrays[part]) for part in PARTS},
    )
    write_arrays(output, settings, **arrays)


def read_images(path: str | Path, device: torch.device) -> Data:
    """Return what `write_images` wrote, on `device`.

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
