"""Which rectifiers of a network count, and what they say of a mini-batch.

A rectifier counts if what it reads depends on the images and the output depends on what it returns,
by the flow of data, whatever gradients do. The quick way is one forward pass and its autograd graph
(`naswot.scores.rectifiers`). Where the graph does not tell for sure, a second pass follows the data
(`naswot.scores.dataflow`).

The mini-batch is the first dimension of what rectifiers read, or folded into one: windows, frames
and tokens of an image are units of that image. Where it is, is found by a trial: another image is
put in the place of one, and what changes belongs to it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.failures import how_it_fails, in_one_line
from naswot.progress import log
from naswot.scores.base import lay_out
from naswot.scores.dataflow import IMAGES, Call, Flow, followed
from naswot.scores.initial import batch_norms
from naswot.scores.outputs import tensors
from naswot.scores.rectifiers import (
    Agreement,
    NoRectifierError,
    UnsettledError,
    is_unclear,
    pairwise_active,
    watch,
)

VIEW_ERROR = "view size is not compatible"


@dataclass
class Codes:
    """What the rectifiers that count say of a mini-batch.

    Attributes:
        output: the network's.
        agreements: one for each call of a rectifier that counts.
        note: what is to be known about them, in one line; mostly nothing.
    """

    output: Any
    agreements: list[Agreement] = field(default_factory=list)
    note: str = ""


def read_codes(
    network: nn.Module,
    images: torch.Tensor,
    published: bool = False,
    late: bool = False,
    batch_dim: int = 0,
) -> Codes:
    """Return the codes of `images` by the rectifiers of `network`, tried in the fastest way first.

    What a network does that a way cannot follow may end in any error; the next way tells whether
    the network is to blame. Each way finds the network as it was.

    Args:
        network: in the mode, precision and memory format in which it is to run.
        images: the mini-batch, as the network takes it.
        published: whether the rectifiers are the modules whose class name contains "ReLU", as in
            the authors' code, instead of the calls of rectifying functions.
        late: whether to begin with `naswot.scores.pending`.
        batch_dim: the dimension of `images` that counts them.

    Raises:
        NoRectifierError: the network has no rectifier.
        NaswotError: the network fails on the images.
    """
    restore = _keep_state(network, images)
    ways = ["late"] if late else []
    ways += ["graph", "flow", "flow with gradients"]
    if batch_dim:
        ways = ways[-2:]
    failure = None
    with _uncompiled(network):
        while ways:
            way = ways.pop(0)
            try:
                if way in ("late", "graph"):
                    output, readings = watch(network, images, published, way == "late")
                    return Codes(output, [reading.agreement for reading in readings])
                return _follow(network, images, published, batch_dim, way != "flow")
            except (NaswotError, torch.OutOfMemoryError):
                raise
            except UnsettledError as error:
                log.debug("%s: %s", type(network).__name__, error)
                ways = [way for way in ways if way.startswith("flow")]
            except Exception as error:
                log.debug("%s is computed another way: %r", type(network).__name__, error)
                failure = error
                if VIEW_ERROR in str(error) and not images.is_contiguous():
                    # It flattens by x.view, which only contiguous tensors can be.
                    lay_out(network, torch.contiguous_format)
                    images = images.contiguous()
                    ways = ["graph", "flow", "flow with gradients"]
            restore()
    raise _failed(network, images, failure) from failure


def _uncompiled(network: nn.Module) -> AbstractContextManager:
    """Let modules that were compiled run as they were written."""
    if any(type(module).__name__ == "OptimizedModule" for module in network.modules()):
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


def _keep_state(network: nn.Module, images: torch.Tensor) -> Callable[[], None]:
    """Return a function that undoes what a forward pass changes: buffers, attributes, chance."""
    generators = torch.get_rng_state(), images.is_cuda and torch.cuda.get_rng_state(images.device)
    spaces = [
        names
        for module in network.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # which keeps its attributes elsewhere
        for names in (vars(module), module._buffers)
    ]
    attributes = [(names, dict(names)) for names in spaces]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]

    def restore() -> None:
        torch.set_rng_state(generators[0])
        if images.is_cuda:
            torch.cuda.set_rng_state(generators[1], images.device)
        for names, kept in attributes:
            names.clear()
            names.update(kept)
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)

    return restore


def _failed(network: nn.Module, images: torch.Tensor, failure: Exception) -> NaswotError:
    """Return what to say of a network that no way could follow."""
    name = type(network).__name__
    try:
        with torch.no_grad():
            network(images.clone())
    except Exception as error:  # a network may raise anything
        cure = "score it on images of another"
        return NaswotError(f"{name} {how_it_fails(error, images, cure)}")
    return NaswotError(
        f"{name} runs, but which of its ReLUs count cannot be found out: {in_one_line(failure)}"
    )


def _follow(
    network: nn.Module, images: torch.Tensor, published: bool, batch_dim: int, gradients: bool
) -> Codes:
    """Return the codes by the flow of data. Gradients are for networks that take some themselves.

    Raises:
        NoRectifierError: there is no rectifier.
        NaswotError: none of those that count keeps the images apart.
    """
    batch = images.shape[batch_dim]

    def is_open(shape: torch.Size) -> bool:
        return batch_dim != 0 or is_unclear(shape, batch)

    def run(shown: torch.Tensor) -> tuple[Flow, Any]:
        shown = shown.detach().requires_grad_(gradients)
        with torch.set_grad_enabled(gradients):
            shown = shown.clone()
            flow = Flow(network, shown, is_open, published)
            with followed(flow, network):
                return flow, network(shown)

    flow, output = run(images)
    calls = flow.calls
    if not calls:
        raise NoRectifierError(
            f"{type(network).__name__} calls no ReLU, ReLU6, LeakyReLU, PReLU or RReLU that can be "
            "seen, so it has no activation codes to score."
        )
    reached = flow.depends_on(output)
    left = flow.left if next(tensors(output), None) is not None or flow.left else -1
    surely = {id(call.reader) for number, call in enumerate(calls) if reached >> number + 1 & 1}
    maybe = {id(call.reader) for number, call in enumerate(calls) if left >> number + 1 & 1}
    counted = [n for n, call in enumerate(calls) if id(call.reader) in surely | maybe]
    looking = [number for number in counted if calls[number].carried & IMAGES]
    unclear = [number for number in looking if calls[number].agreement is None]
    places = _find(run, network, images, batch_dim, unclear, len(calls)) if unclear else {}
    guessed = []
    for number in unclear:
        if number not in places and batch_dim == 0 and calls[number].shape[:1] == (batch,):
            places[number] = Place(0, True)
            guessed.append(number)
    for number, place in places.items():
        calls[number].agreement = place.agreement(calls[number].codes, batch)
    found = [calls[number].agreement for number in looking if calls[number].agreement is not None]
    lost = [calls[number] for number in looking if calls[number].agreement is None]
    if lost and not found:
        raise NaswotError(
            f"{_read(lost)} in which the images of the mini-batch of {batch} cannot be told apart. "
            "Score a network that keeps the mini-batch first; or say which dimension of the images "
            "counts them (batch_dim)."
        )
    unsure = [number for number in counted if id(calls[number].reader) not in surely]
    of = f"of {len(calls)} ReLU{'s' if len(calls) > 1 else ''}"
    blind = len(counted) - len(looking)
    notes = (
        (blind, f"{blind} {of} do not look at the images and are left out"),
        (len(lost), f"{len(lost)} {of} are left out: {_read(lost)}, which mixes the images"),
        (len(guessed), f"{len(guessed)} {of} are taken to have the mini-batch first"),
        (
            len(unsure),
            f"{len(unsure)} {of} are counted though it cannot be known whether the output depends "
            "on them: values leave PyTorch on the way",
        ),
        (flow.choices, f"choices by a tensor's sign are no ReLUs and not counted: {flow.choices}"),
        (not counted, f"the output depends on none {of}, so no two images are told apart"),
    )
    return Codes(output, found, "; ".join(text for said, text in notes if said))


def _read(calls: list[Call]) -> str:
    shapes = ", ".join(dict.fromkeys(str(tuple(call.shape)) for call in calls))
    return f"a ReLU reads a tensor of shape {shapes}"


@dataclass(frozen=True)
class Place:
    """Where the mini-batch is in a tensor.

    Attributes:
        dimension: the one that it is, or is folded into.
        outer: whether the parts of an image stand side by side there, as of windows; otherwise
            the images do, as of networks that look at copies of the mini-batch.
    """

    dimension: int
    outer: bool

    def agreement(self, codes: torch.Tensor, batch: int) -> Agreement:
        """Return the agreement of bool `codes`; all parts of an image are its units."""
        codes = codes.movedim(self.dimension, 0)
        if not self.outer:
            codes = codes.unflatten(0, (-1, batch)).transpose(0, 1)
        flat = codes.reshape(batch, -1).to(torch.int8)
        return Agreement(pairwise_active(flat), flat.shape[1])


def _find(
    run: Callable[[torch.Tensor], tuple[Flow, Any]],
    network: nn.Module,
    images: torch.Tensor,
    batch_dim: int,
    unclear: list[int],
    calls: int,
) -> dict[int, Place]:
    """Return where the mini-batch is in what the calls `unclear` read, for those that show it.

    Batch normalisations, which make each image change all others, take their running statistics.
    """
    restore = _keep_state(network, images)
    modes = {norm: norm.training for norm in batch_norms(network)}
    other = images.clone()
    changed = 1  # of which of the images
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(other.select(batch_dim, changed).shape, generator=generator)
    other.select(batch_dim, changed).copy_(noise)
    codes = []
    try:
        for shown in (images, other):
            for norm in modes:
                norm.training = False
            flow, _ = run(shown)
            restore()
            if len(flow.calls) != calls:
                return {}
            codes.append([flow.calls[number].codes for number in unclear])
    except Exception as error:
        log.debug("%s: where the mini-batch is cannot be tried: %r", type(network).__name__, error)
        return {}
    finally:
        for norm, training in modes.items():
            norm.training = training
    batch = images.shape[batch_dim]
    found = {}
    for number, one, two in zip(unclear, *codes, strict=True):
        if one is None or two is None or one.shape != two.shape:
            continue
        place = _place(one ^ two, batch, changed)
        if place is not None:
            found[number] = place
    return found


def _place(differs: torch.Tensor, batch: int, changed: int) -> Place | None:
    """Return the place in which only image `changed` differs; None if there is none."""
    for dimension, size in enumerate(differs.shape):
        if size % batch or not size:
            continue
        rows = differs.movedim(dimension, 0).flatten(1).any(1).nonzero().flatten()
        if len(rows) == 0:
            return None
        if bool((rows // (size // batch) == changed).all()):
            return Place(dimension, True)
        if bool((rows % batch == changed).all()):
            return Place(dimension, False)
    return None
