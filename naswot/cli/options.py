"""Options that several subcommands share: how their values are read."""

import argparse
import math
import re
from collections.abc import Callable

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
