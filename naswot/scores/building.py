"""Build a network from a module, a factory or a class, always from the same seed."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.adapter import adapted
from naswot.scores.base import Batch, move_network
from naswot.scores.copying import copy_network
from naswot.scores.failures import one_line
from naswot.scores.lazy_modules import materialise

# Names of a factory's argument that is the number of classes; the second as in custom spaces.
CLASS_ARGUMENTS = ("num_classes", "classes")

Model = nn.Module | Callable[..., nn.Module]


@dataclass(frozen=True)
class Missing:
    """Stands for a network that is not available, and says why."""

    error: NaswotError


def build_network(name: str, model: Model | Missing, batch: Batch, seed: int) -> nn.Module:
    """Return a new network with the weights that `seed` gives, on the images' device and type.

    It takes the images of `batch` as one argument (`naswot.scores.adapter`).

    Args:
        name: of the network in messages.
        model: a module, which is copied, or a function or class that builds one. `num_classes`, or
            else `classes`, is passed if it takes that argument and has no value for it from
            `functools.partial`.
        batch: gives device, type, number of classes, and images for lazy modules.
        seed: set for torch's random generator before anything is built.

    Raises:
        NaswotError: the network is missing, cannot be copied or cannot be built.
    """
    if isinstance(model, Missing):
        raise model.error
    torch.manual_seed(seed)
    if isinstance(model, nn.Module):
        # Some lazy modules cannot be copied.
        materialise(adapted(model, batch.images, batch.output), batch.images[:2])
        network = copy_network(model, name)
    else:
        network = call_factory(name, model, batch.classes, seed)
    network = move_network(network, batch.images.device, batch.images.dtype)
    return adapted(network, batch.images, batch.output)


def call_factory(
    name: str, factory: Callable[..., nn.Module], classes: int, seed: int
) -> nn.Module:
    """Return the network of a function or class; arguments and errors as for `build_network`."""
    arguments = _class_argument(factory, classes)
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise NaswotError(
            f"{name} cannot be built: {error}. Give its value with functools.partial, or with "
            "--factory-args on the command line."
        ) from error
    except ValueError:  # the signature is not available; the call will show whether it fits
        pass
    try:
        try:
            network = factory(**arguments)
        except TypeError as error:
            if not arguments or "unexpected keyword argument 'num_classes'" not in str(error):
                raise
            torch.manual_seed(seed)  # it passes keywords on to a function that refuses this one
            network = factory()
    except torch.OutOfMemoryError:
        raise
    except (Exception, SystemExit) as error:  # a factory may raise anything
        raise NaswotError(
            f"{name} cannot be built: its factory raises {one_line(error)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise NaswotError(
            f"{name} cannot be built: its factory returns no torch.nn.Module but "
            f"{type(network).__name__}."
        )
    return network


def _class_argument(factory: Callable[..., nn.Module], classes: int) -> dict[str, int]:
    """Return `classes` as a keyword for `factory`; none if it is fixed or not accepted."""
    fixed = factory.keywords if isinstance(factory, functools.partial) else {}
    if any(name in fixed for name in CLASS_ARGUMENTS):
        return {}
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a function of an extension, or arguments that do not fit
        return {}
    for name in CLASS_ARGUMENTS:
        if name in parameters:
            return {name: classes}
    passed_on = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return {CLASS_ARGUMENTS[0]: classes} if passed_on else {}
