"""Options that several subcommands share: how their values are read."""

import argparse
import math
import re
from collections.abc import Callable
from typing import Any

from naswot.cli.help import Rare

IMAGE_SIZE = 32  # pixels, for images without a size of their own
LARGEST_SEED = 2**32 - 1


def whole_number(lowest: int, highest: float = math.inf) -> Callable[[str], int]:
    """Return a reader of integers from `lowest` to `highest`."""

    def read(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{text} is less than {lowest}")
        if number > highest:
            raise argparse.ArgumentTypeError(f"{text} is more than {highest}")
        return number

    read.__name__ = "integer"  # argparse says "invalid integer value"
    return read


def positive(text: str) -> float:
    """Read a positive finite number."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


positive.__name__ = "number"


def device(text: str) -> str:
    """Read the name of a device."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, cuda, cuda:0, cuda:1, …")
    return text


def add_seed(options: Any, of: str) -> None:
    """Add --seed to a parser or a group of it; `of` says what it is the seed of."""
    options.add_argument(
        "--seed",
        type=whole_number(0, LARGEST_SEED),
        default=0,
        metavar="N",
        help=f"seed of {of} (default: 0)",
    )


def add_device(options: Any, use: str) -> None:
    """Add --device to a parser or a group of it; `use` says what it is for."""
    options.add_argument(
        "--device",
        type=device,
        default="auto",
        metavar="DEVICE",
        help=f"{use}: auto, cpu, cuda, cuda:1 (default: auto)",
    )


def add_precision(options: Any, default: str) -> None:
    """Add --precision, of the naswot score, to a parser or a group of it."""
    options.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default=default,
        help=Rare(
            "precision of the naswot score's forward pass; auto: bfloat16 where the processor has "
            f"instructions for it (default: {default})"
        ),
    )
