"""What is said of a network that fails: what it raised, and whether sizes may be to blame."""

import re

import torch
from torch import nn

from naswot.errors import NaswotError

LONGEST_MESSAGE = 300  # characters of another library's message that are passed on
# What an error says for which images of the wrong size may be to blame.
OF_SIZES = re.compile(
    r"\b(channels?|dim(ension)?s?|height|kernel|mat\d?|patch|resolution|shapes?|size[sd]?|width|"
    r"\dD)\b",
    re.IGNORECASE,
)
SIZE_ERRORS = (AssertionError, RuntimeError, ValueError)


def one_line(error: BaseException) -> str:
    """Return the kind of an error and its message, as a sentence."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # it cannot even say what it is
        text = ""
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE].rstrip() + " …"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if line.endswith((".", "!", "?", "…")) else line + "."


def failure_of(network: nn.Module, error: BaseException, images: torch.Tensor) -> NaswotError:
    """Return what to raise where `network` raises `error` when it is shown `images` (B, …)."""
    how = how_it_fails(error, images, "score it on images of another")
    return NaswotError(f"{type(network).__name__} {how}")


def how_it_fails(error: BaseException, images: torch.Tensor, cure: str) -> str:
    """Return a clause on a network that raises `error` when it is shown `images` (B, …).

    `cure` says how to give it images of another size; it follows only where that may help.
    """
    raised = one_line(error)
    if not isinstance(error, SIZE_ERRORS) or not OF_SIZES.search(raised):
        return f"fails: {raised}"
    size = "×".join(map(str, images.shape[1:]))
    return f"fails on images of {size}: {raised} If that is the wrong size, {cure}."
