"""Messages about networks that fail: the error, and whether the image size may be the cause."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from naswot.errors import NaswotError
from naswot.scores.inputs import Inputs, TensorTree

LONGEST_MESSAGE = 300  # characters of an error's message that are quoted
# Words of errors that images of the wrong size may cause.
OF_SIZES = re.compile(
    r"\b(channels?|dim(ension)?s?|height|kernel|mat\d?|patch|resolution|shapes?|size[sd]?|width|"
    r"\dD)\b",
    re.IGNORECASE,
)
SIZE_ERRORS = (AssertionError, RuntimeError, ValueError)


def one_line(error: BaseException) -> str:
    """Return the class and the message of an error as one line that ends like a sentence."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # its own __str__ fails
        text = ""
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE].rstrip() + " …"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if line.endswith((".", "!", "?", "…")) else line + "."


@contextmanager
def one_value_per_channel(network: nn.Module, score: str) -> Iterator[None]:
    """While entered, explain why `score` does not apply if `network` refuses a single image.

    Raises:
        NaswotError: batch normalisation has one value per channel.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise NaswotError(
            f"{type(network).__name__} normalises one value per channel when it sees one image, so "
            f"{score} does not apply to it. (Larger images may help.)"
        ) from error


def failure_of(network: nn.Module, error: BaseException, images: Inputs) -> NaswotError:
    """Return the error to raise if `network` raises `error` on `images` (B, …)."""
    how = how_it_fails(error, images, "score it on images of another")
    return NaswotError(f"{type(network).__name__} {how}")


def how_it_fails(error: BaseException, images: Inputs, cure: str) -> str:
    """Return a predicate for a message: "fails …", for a network that raises `error` on `images`.

    `cure` says how to give it images of another size; it is added only if that may help.
    """
    raised = one_line(error)
    if isinstance(images, TensorTree):
        return f"fails when it is called with ({images}): {raised}"
    if not isinstance(error, SIZE_ERRORS) or not OF_SIZES.search(raised):
        return f"fails: {raised}"
    size = "×".join(map(str, images.shape[1:]))
    return f"fails on images of {size}: {raised} If that is the wrong size, {cure}."
