"""The classifiers of torchvision: networks as people designed them, trained on ImageNet.

An architecture is the name of a network, such as ``resnet50``. Its operations, parameters and
accuracies are in a file of this package, so that only building a network needs torchvision
(``pip install 'naswot[zoo]'``). Three spaces share them: all networks, and those up to 5 and 2
times 10⁹ multiply-adds per image, as published.

The auxiliary classifiers of GoogLeNet and Inception v3, which are used only in training, are left
out.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from naswot.errors import SpaceError
from naswot.io.user_code import import_package
from naswot.spaces.space import Later, Space
from naswot.spaces.zoo.published import LIMITS, network_named, networks

if TYPE_CHECKING:
    from torch import nn

# Options of builders beside `weights`.
NO_AUXILIARY = {"aux_logits": False, "init_weights": True}
OPTIONS: dict[str, dict[str, Any]] = {"googlenet": NO_AUXILIARY, "inception_v3": NO_AUXILIARY}


def canonical(arch: str, most: float | None = None) -> str:
    """Return `arch` itself after checking it.

    Raises:
        NaswotError: there is no such network, or none within the limit of the space.
    """
    return network_named(arch, most).name


def build(arch: str, classes: int = 1000) -> "nn.Module":
    """Build the untrained network of `arch` with `classes` outputs; torchvision's has 1,000.

    Raises:
        NaswotError: there is no such network.
        SpaceError: torchvision is not installed, or cannot be imported.
    """
    name = network_named(arch).name
    try:
        models = import_package("torchvision.models")
    except ImportError as error:
        raise SpaceError(
            f"Networks of torchvision cannot be built ({error}): run pip install 'naswot[zoo]'."
        ) from error
    except Exception as error:  # of a torchvision that does not fit torch, say
        text = " ".join(str(error).split())
        raise SpaceError(
            f"torchvision cannot be imported ({type(error).__name__}: {text})."
        ) from error
    return models.get_model(name, weights=None, num_classes=classes, **OPTIONS.get(name, {}))


def benchmark_params(arch: str) -> int:
    """Return the number of parameters that torchvision publishes, with 1,000 classes.

    Raises:
        NaswotError: there is no such network.
    """
    return network_named(arch).params


def _space(name: str, most: float | None, size: int) -> Space:
    all_of_them = most is None
    return Space(
        name=name,
        title="torchvision" if all_of_them else f"torchvision ≤ {most:g} G",
        size=size,
        unique=None,
        architectures=None,  # a new table draws the sample again
        canonical=partial(canonical, most=most),
        build=build,
        benchmark_params=benchmark_params,
        diagram=Later("naswot.spaces.zoo.diagram:diagram"),
        relative_cost=1.0,
        form="resnet50" if all_of_them else None,
        recognises=(lambda text: text in networks()) if all_of_them else None,
        varied=True,
    )


SPACES = tuple(_space(name, most, size) for name, (most, size) in LIMITS.items())
