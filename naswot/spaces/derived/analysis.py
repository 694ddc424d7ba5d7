"""Find out what of a network may vary, and how its parameters then look."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from naswot.errors import NaswotError
from naswot.scores.failures import how_it_fails, one_line
from naswot.scores.outputs import tensors_in
from naswot.spaces.derived.probe import AgainError, Probe
from naswot.spaces.derived.sizes import Scales, Size

MOST_PASSES = 2_000
TRAINING_IMAGES = 2  # for batch normalisation of maps of one pixel


@dataclass(frozen=True)
class Operation:
    """An operation whose number of multiplications and additions is known.

    Attributes:
        formula: of PyTorch, from shapes.
        arguments: (arguments, keyword arguments, shape of the output), with sizes in place of
            numbers that vary.
        varies: whether there are any.
        inside: names of the modules that run it, outermost first.
    """

    formula: Callable[..., int]
    arguments: Any
    varies: bool
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """A call of a module with one tensor that returns one: the shapes, as sizes."""

    given: tuple[Size, ...] | None
    returned: tuple[Size, ...] | None


@dataclass
class Trace:
    """What a pass of a network has shown.

    Attributes:
        tensors: name of a parameter or buffer → its sizes.
        attributes: (name of a module, attribute) → its size, or sizes.
        calls: name of a module → its calls, in eval mode.
        order: names of the modules in the order of their calls, in eval mode.
        adding: names of modules in whose own forward pass something is added.
        operations: those of one image in eval mode; None if PyTorch cannot count them like this.
    """

    tensors: dict[str, list[Size]] = field(default_factory=dict)
    attributes: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    adding: set[str] = field(default_factory=set)
    operations: list[Operation] | None = None


def trace(network: nn.Module, shape: tuple[int, ...], scales: Scales) -> Trace:
    """Return what passes of `network`, on the meta device, show in the end.

    Args:
        network: its parameters and buffers are on the meta device.
        shape: of an image, (C, H, W).
        scales: what is known of the scale factors; more is added.

    Raises:
        NaswotError: it fails on images of that shape, or needs values.
    """
    name = type(network).__name__
    both = [(False, 1)]
    try:
        _plain(network, False, shape, 1)
    except Exception as error:  # a network may raise anything
        how = how_it_fails(error, torch.empty(1, *shape, device="meta"), "give another shape")
        raise NaswotError(
            f"{name} {how} (Its sizes are looked up on PyTorch's meta device, which has no values.)"
        ) from error
    with contextlib.suppress(Exception):  # then it only runs in eval mode
        _plain(network, True, shape, TRAINING_IMAGES)
        both.append((True, TRAINING_IMAGES))
    for _ in range(MOST_PASSES):
        before, found = scales.changes, Trace()
        for training, images in both:
            try:
                _settle(network, training, (images, *shape), scales, found)
            except NaswotError:
                raise
            except Exception as error:
                raise NaswotError(
                    f"{name} fails while its widths are looked up: {one_line(error)}"
                ) from error
            if scales.changes != before:
                break
        else:
            found.operations = _operations(network, shape, scales)
            return found
    raise NaswotError(f"{name}: {MOST_PASSES:,} passes do not settle which widths may vary.")


def _plain(network: nn.Module, training: bool, shape: tuple[int, ...], images: int) -> None:
    network.train(training)
    with torch.no_grad(), torch.device("meta"):
        network(torch.empty(images, *shape))


def _settle(
    network: nn.Module, training: bool, shape: tuple[int, ...], scales: Scales, found: Trace
) -> None:
    """Make one pass and add to `scales`; where it adds nothing, add what it shows to `found`."""
    network.train(training)
    probe = Probe(network, scales)
    before = scales.changes
    watching = None if training else found
    with torch.no_grad(), torch.device("meta"), _followed(network, probe, watching):
        try:
            with probe:
                returned = network(torch.empty(shape))
        except AgainError:
            return
        except Exception as error:  # in code between functions of torch, such as an assertion
            _blame_module(probe, error)
            return
    numbers = {x for tensor in tensors_in(returned) for x in tensor.shape}
    outputs = {of for number in numbers for of in scales.factors(number)}
    scales.fix(outputs, "it is the network's output, or would change its shape")
    if scales.changes != before:
        return
    for name, sizes in probe.tensors.items():
        for one, other in zip(found.tensors.setdefault(name, sizes), sizes, strict=True):
            scales.equate(one, other, f"{name} has another width in train mode")
    found.attributes |= probe.attributes
    if watching:
        found.adding = probe.adding


def _operations(
    network: nn.Module, shape: tuple[int, ...], scales: Scales
) -> list[Operation] | None:
    """Return the operations of a pass of one image in eval mode, if PyTorch can count them."""
    network.eval()
    found: list[Operation] = []
    probe = Probe(network, scales)
    with contextlib.ExitStack() as modes:
        for mode in (torch.no_grad(), torch.device("meta"), _followed(network, probe, None)):
            modes.enter_context(mode)
        modes.enter_context(_recorder(probe, found))
        modes.enter_context(probe)
        try:
            network(torch.empty(1, *shape))
        except Exception:  # the counter takes functions apart, which does not work for all
            return None
    return found


def _blame_module(probe: Probe, error: Exception) -> None:
    for name, module, given in reversed(probe.stack):
        where = f"{type(module).__name__} {name}".strip()
        try:
            return probe.blame(given, where, error)
        except AgainError:
            return None
        except Exception:  # the same error: this module got nothing that varies
            continue
    raise error


@contextlib.contextmanager
def _followed(network: nn.Module, probe: Probe, found: Trace | None) -> Iterator[None]:
    """While entered, keep the stack of `probe`, and the calls in `found`."""

    def begin(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, named: Any) -> None:
            probe.stack.append((name, module, (given, named)))

        return hook

    def end(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, returned: Any) -> None:
            probe.stack.pop()
            if found is not None:
                first = next(tensors_in(given), None)
                found.calls.setdefault(name, []).append(
                    Call(_sizes(probe, first), _sizes(probe, returned))
                )
                found.order.append(name)

        return hook

    hooks: list[Any] = []
    for name, module in network.named_modules():
        hooks.append(module.register_forward_pre_hook(begin(name), with_kwargs=True))
        hooks.append(module.register_forward_hook(end(name)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _sizes(probe: Probe, tensor: Any) -> tuple[Size, ...] | None:
    if not isinstance(tensor, torch.Tensor):
        return None
    return tuple(probe.size(x) for x in tensor.shape)


def _recorder(probe: Probe, operations: list[Operation]) -> FlopCounterMode:
    """Return a counter that records operations instead of counting them."""

    def recording(formula: Callable[..., int]) -> Callable[..., int]:
        def record(*args: Any, out_shape: Any = None, **kwargs: Any) -> int:
            found: list[Size] = []
            arguments = _with_sizes((args, kwargs, out_shape), probe, found)
            inside = tuple(name for name, _, _ in probe.stack)
            operations.append(Operation(formula, arguments, bool(found), inside))
            return 0

        return record

    mapping: Mapping[Any, Any] = {key: recording(value) for key, value in flop_registry.items()}
    return FlopCounterMode(display=False, custom_mapping=dict(mapping))


def _with_sizes(tree: Any, probe: Probe, found: list[Size]) -> Any:
    if isinstance(tree, dict):
        return {key: _with_sizes(x, probe, found) for key, x in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_with_sizes(x, probe, found) for x in tree)
    if type(tree) is int and (size := probe.size(tree)).parts:
        found.append(size)
        return size
    return tree
