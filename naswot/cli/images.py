"""The options of a command that draws a mini-batch of images, and the drawing."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.cli.help import Rare
from naswot.cli.options import IMAGE_SIZE, whole_number
from naswot.errors import NaswotError

if TYPE_CHECKING:
    import torch


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `mini_batch` reads, as a group of their own."""
    images = parser.add_argument_group("images")
    source = images.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder of pictures, at any depth: JPEG, PNG, WebP, BMP or TIFF",
    )
    source.add_argument(
        "--dataset",
        default="photos",
        metavar="NAME",
        help="a data set: photos (the default, needs no files), noise, digits, cifar10, "
        "cifar100, imagenet16, imagenette, fashion_mnist",
    )
    images.add_argument(
        "--mirror", type=Path, metavar="DIR", help=Rare("folder of the data set's files")
    )
    images.add_argument(
        "--image-size",
        type=whole_number(1),
        metavar="N",
        help=f"side in pixels (default: the data set's, or {IMAGE_SIZE})",
    )
    images.add_argument(
        "--batch-size", type=whole_number(2), default=128, metavar="N", help="number (default: 128)"
    )
    images.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        help=Rare("1: grey, 3: colour (default: as the networks' first layers need, or 3)"),
    )
    images.add_argument(
        "--strict",
        action="store_true",
        help=Rare("stop at a picture that cannot be read, instead of drawing another"),
    )


def mini_batch(
    options: argparse.Namespace, models: Mapping[str, Any]
) -> tuple["torch.Tensor", Any, int, str]:
    """Return images, labels (None if unknown), number of classes, and a text on the images.

    Args:
        options: those of `add_image_options`, and `classes` (or None) and `seed`.
        models: name → network or factory, which says how many channels the images need.

    Raises:
        NaswotError: the images do not exist, or their files are not named.
    """
    import torch

    from naswot import images
    from naswot.images import get_source
    from naswot.scores.channels import channels_for
    from naswot.scores.ranking import DEFAULT_CLASSES

    name, directory, count = options.dataset, options.mirror, options.batch_size
    if options.images is not None:
        name, directory = "folder", options.images
    elif name == "folder":
        raise NaswotError("Name the folder of images: --images DIR.")
    source = get_source(name)
    directory = source.place(directory)
    if source.files and directory is None:
        raise NaswotError(
            f"The images {name} need files: name their folder with --mirror DIR.{source.cure()}"
        )
    size = options.image_size or source.size or source.own_size or IMAGE_SIZE
    channels = options.channels or channels_for(models, options.classes or DEFAULT_CLASSES, size)
    drawn = images.mini_batch(name, count, size, options.seed, directory, channels, options.strict)
    grey = "grey " if channels == 1 else ""
    text = f"{count} {grey}images of {size}×{size} pixels from {options.images or name}"
    if drawn.skipped:
        text += f" ({len(drawn.skipped)} unreadable left out)"
    labels = drawn.labels if drawn.true_labels else None
    return torch.from_numpy(drawn.images), labels, drawn.classes, f"{text}, seed {options.seed}"
