"""The networks of torchvision and timm, with random weights; nothing is downloaded."""

import contextlib
import importlib
import os
import re
from collections.abc import Sequence
from itertools import groupby

import torch
from torch import nn

# PyPI's torchvision does not load its operators beside another build of torch than its own.
# Its classifiers need none; importing it needs to hear that there are these.
OPERATORS = ("nms", "qnms")
SMALL = {
    *("atto", "femto", "pico", "nano", "zepto", "tiny", "mini", "small", "little"),
    *("xxt", "xt", "t", "xxs", "xs", "s", "xx", "x", "l0", "m0", "t0", "s0", "b0"),
}
SIZED = (
    lambda size: {"img_size": size},
    lambda size: {"image_size": size},
    lambda size: {"input_size": (size, size)},
    lambda size: {},
)


def import_packages(packages: Sequence[str]) -> None:
    """Import them, torchvision first, which timm imports too."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        importlib.import_module("torchvision")
    except RuntimeError:  # an operator does not exist
        for name in OPERATORS:
            with contextlib.suppress(RuntimeError):  # this one does
                torch.library.define(f"torchvision::{name}", "() -> ()")
        importlib.import_module("torchvision")
    for package in packages:
        importlib.import_module(package)


def names(package: str, each: int) -> list[str]:
    """Return all classifiers of torchvision; of timm, `each` of every family."""
    if package == "torchvision":
        models = importlib.import_module("torchvision.models")
        return models.list_models(module=models)
    timm = importlib.import_module("timm")
    families = (timm.list_models(module=module) for module in timm.list_modules())
    return [name for family in families for name in smallest(family, each)]


def smallest(family: Sequence[str], each: int) -> list[str]:
    """Return `each` of those whose names begin with the same word, the smallest by their names."""

    def word(name: str) -> str:
        return re.match("[a-z]*", name).group()

    def size(name: str) -> tuple:
        numbers = [int(digits) for digits in re.findall(r"\d+", name)]
        return not SMALL & set(name.split("_")), numbers, name

    kinds = groupby(sorted(family, key=lambda name: (word(name), size(name))), word)
    return [name for _, kind in kinds for name in list(kind)[:each]]


def build(package: str, name: str, size: int) -> nn.Module:
    """Return a network for images of `size` pixels, if it wants to be told."""
    for options in SIZED:
        with contextlib.suppress(TypeError):
            return _build(package, name, options(size))
    return _build(package, name, {})


def _build(package: str, name: str, options: dict) -> nn.Module:
    if package == "torchvision":
        models = importlib.import_module("torchvision.models")
        return models.get_model(name, weights=None, **options)
    return importlib.import_module("timm").create_model(name, pretrained=False, **options)
