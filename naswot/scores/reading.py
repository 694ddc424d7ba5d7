"""Which rectifiers of a network count, and what they say of a mini-batch.

A rectifier counts if what it reads depends on the images and the output depends on what it returns,
by the flow of data, whatever gradients do. The quick way is one forward pass and its autograd graph
(`naswot.scores.graph`). Where the graph does not tell for sure, a second pass follows the data
(`naswot.scores.dataflow`).

The mini-batch is the first dimension of what rectifiers read, or folded into one: windows, frames
and tokens of an image are units of that image. Where it is, is found by a trial: another image is
put in the place of one, and what changes belongs to it.
"""

import inspect
import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores.base import keep_state, lay_out
from naswot.scores.dataflow import IMAGES, Call, Flow, followed
from naswot.scores.failures import failure_of, in_one_line
from naswot.scores.graph import Recorder, watch
from naswot.scores.outputs import tensors
from naswot.scores.places import Place, find_places
from naswot.scores.rectifiers import (
    Agreement,
    NoRectifierError,
    UnsettledError,
)

try:
    from naswot.scores.fused.recorder import FusedRecorder
except ImportError:  # of numba; scores are then computed by PyTorch alone
    FusedRecorder = None

VIEW_ERROR = "view size is not compatible"
NO_NUMBA = (
    "numba cannot be imported, so networks are scored without the fused pass. The plain path gives "
    "the same scores in float32, and takes longer."
)
SLOW = (
    "%s is scored without the fused pass: %s. The plain path gives the same score in float32, and "
    "takes longer. Further networks with this reason are not logged."
)
_LOGGED: set[str] = set()  # the reasons that this process has logged


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
    fused: bool = False,
    batch_dim: int = 0,
) -> Codes:
    """Return the codes of `images` by the ReLUs of `network`, tried in the fastest way first.

    What a network does that a way cannot follow may end in any error; the next way tells whether
    the network is to blame. Each way finds the network as it was.

    Args:
        network: in the mode, precision and memory format in which it is to run.
        images: the mini-batch, as the network takes it.
        published: whether the rectifiers are the modules whose class name contains "ReLU", as in
            the authors' code, instead of the calls of rectifying functions.
        fused: whether to begin with the fused pass (`naswot.scores.fused`), where it applies.
        batch_dim: the dimension of `images` that counts them.

    Raises:
        NoRectifierError: the network has no rectifier.
        NaswotError: the network fails on the images.
    """
    restore, name = keep_state(network, images), type(network).__name__
    plain = (
        ["flow", "flow with gradients"] if batch_dim else ["graph", "flow", "flow with gradients"]
    )
    fused = fused and batch_dim == 0 and _fused_pass_applies(images)
    ways = ["fused", *plain] if fused else plain
    failure = slow = None
    with _uncompiled(network):
        while ways:
            way, *ways = ways
            try:
                if way in ("fused", "graph"):
                    recorder = FusedRecorder if way == "fused" else Recorder
                    output, readings = watch(network, images, recorder(len(images), published))
                    codes = Codes(output, [reading.agreement for reading in readings])
                else:
                    codes = _follow(network, images, published, batch_dim, way != "flow")
            except (NaswotError, torch.OutOfMemoryError):
                raise
            except UnsettledError as error:
                log.debug("%s: %s", name, error)
                slow = slow or (logging.INFO, str(error), str(error))
                ways = [way for way in ways if way.startswith("flow")]
            except (Exception, SystemExit) as error:
                log.debug("%s is computed another way: %r", name, error)
                failure = error
                slow = slow or (logging.WARNING, type(error).__name__, in_one_line(error))
                if VIEW_ERROR in str(error) and not images.is_contiguous():
                    lay_out(network, torch.contiguous_format)
                    images, ways = images.contiguous(), plain
                    slow = (logging.WARNING, VIEW_ERROR, "x.view needs contiguous tensors.")
            else:
                if fused and slow is not None:
                    level, reason, text = slow
                    _log_once(level, reason, SLOW, name, text.rstrip("."))
                return codes
            restore()
    raise _failed(network, images, failure) from failure


def _fused_pass_applies(images: torch.Tensor) -> bool:
    if FusedRecorder is None:
        _log_once(logging.INFO, "no numba", NO_NUMBA)
    return FusedRecorder is not None and images.device.type == "cpu"


def _log_once(level: int, reason: str, message: str, *arguments: str) -> None:
    """Log `message`, unless this process has logged one for the same `reason`."""
    if reason not in _LOGGED:
        _LOGGED.add(reason)
        log.log(level, message, *arguments)


def _uncompiled(network: nn.Module) -> AbstractContextManager:
    """Let modules that were compiled run as they were written."""
    if any(type(module).__name__ == "OptimizedModule" for module in network.modules()):
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


def _failed(network: nn.Module, images: torch.Tensor, failure: Exception) -> NaswotError:
    """Return what to say of a network that no way could follow."""
    try:
        with torch.no_grad():
            network(images.clone())
    except (Exception, SystemExit) as error:  # a network may raise anything
        return failure_of(network, error, images)
    return NaswotError(
        f"{type(network).__name__} runs, but which of its ReLUs count cannot be found out: "
        f"{in_one_line(failure)}"
    )


def _follow(
    network: nn.Module, images: torch.Tensor, published: bool, batch_dim: int, gradients: bool
) -> Codes:
    """Return the codes by the flow of data. Gradients are for networks that take some themselves.

    Raises:
        NoRectifierError: there is no rectifier that looks at the images.
        NaswotError: none of those that count keeps the images apart.
    """
    batch = images.shape[batch_dim]

    def run(shown: torch.Tensor, trial: bool = True) -> tuple[Flow, Any]:
        shown = shown.detach().requires_grad_(gradients)
        with torch.set_grad_enabled(gradients):
            shown = shown.clone()
            flow = Flow(network, shown, None if batch_dim else batch, published, trial)
            with followed(flow, network):
                return flow, network(shown)

    flow, output = run(images, trial=False)
    if inspect.isgenerator(output):
        raise NaswotError(
            f"{type(network).__name__} returns a generator, so nothing of it has run; a network "
            "has to return its output."
        )
    if not any(call.carried & IMAGES for call in flow.calls):
        looking = " looks at the images and" if flow.calls else ""
        raise NoRectifierError(
            f"{type(network).__name__} calls no ReLU, ReLU6, LeakyReLU, PReLU or RReLU that"
            f"{looking} can be seen, so it has no activation codes to score."
        )
    surely, counted = _count(flow, output)
    looking = [call for call in counted if call.carried & IMAGES]
    unclear = [call for call in looking if call.agreement is None]
    numbers = [flow.calls.index(call) for call in unclear]
    places = find_places(run, network, images, batch_dim, numbers, len(flow.calls))
    guessed = 0
    for number, call in zip(numbers, unclear, strict=True):
        place = places.get(number)
        if place is None and batch_dim == 0 and call.shape[:1] == (batch,):
            place, guessed = Place(0, True), guessed + 1
        if place is not None:
            call.agreement = place.agreement(call.codes, batch)
    lost = [call for call in unclear if call.agreement is None]
    if lost and len(lost) == len(looking):
        raise NaswotError(
            f"{_read(lost)}: the images of the mini-batch of {batch} cannot be told apart there. "
            "Score a network that keeps the mini-batch first; or say which dimension of the images "
            "counts them (batch_dim)."
        )
    blind, unsure = len(counted) - len(looking), len(counted) - len(surely)
    of = f"of {len(flow.calls)} ReLU{'s' if len(flow.calls) > 1 else ''}"
    notes = (
        (blind, f"{blind} {of} do not look at the images and are left out"),
        (lost, f"{len(lost)} {of} are left out: {_read(lost)}, which mixes the images"),
        (guessed, f"{guessed} {of} are taken to have the mini-batch first"),
        (
            unsure,
            f"{unsure} {of} are counted though it cannot be known whether the output depends on "
            "them: values leave PyTorch on the way",
        ),
        (flow.choices, f"choices by a tensor's sign are no ReLUs and not counted: {flow.choices}"),
        (not counted, f"the output depends on none {of}, so no two images are told apart"),
    )
    found = [call.agreement for call in looking if call.agreement is not None]
    return Codes(output, found, "; ".join(text for said, text in notes if said))


def _count(flow: Flow, output: Any) -> tuple[list[Call], list[Call]]:
    """Return the calls that `output` depends on for sure, and these with those that it may."""
    sure = flow.depends_on(output)
    anything = next(tensors(output), None) is not None or flow.left
    found = []
    for bits in (sure, sure | (flow.left if anything else -1)):
        readers = {id(call.reader) for n, call in enumerate(flow.calls) if bits >> n + 1 & 1}
        found.append([call for call in flow.calls if id(call.reader) in readers])
    return found[0], found[1]


def _read(calls: list[Call]) -> str:
    shapes = ", ".join(dict.fromkeys(str(tuple(call.shape)) for call in calls))
    return f"a ReLU reads a tensor of shape {shapes}"
