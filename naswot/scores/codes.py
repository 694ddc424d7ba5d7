"""The ReLU codes of a mini-batch: which ReLUs are reachable, and what codes they give the images.

A ReLU is reachable if its input depends on the images and the network's output depends on its own
output. Dependence is that of data, whether or not gradients flow. The fast method is one forward
pass and its autograd graph (`naswot.scores.graph`), computed by the fused pass
(`naswot.scores.fused`) where that is possible. If the graph may be incomplete, another forward pass
follows the data (`naswot.scores.dataflow`).

The mini-batch is the first dimension of a ReLU's input, or it is folded into a dimension: windows,
frames and tokens of an image are units of that image. `naswot.scores.batch_position` finds where.
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
from naswot.scores.base import save_state, set_memory_format
from naswot.scores.batch_position import BatchPosition, find_batch_positions
from naswot.scores.dataflow import IMAGES, DataFlow, TracedCall, tracing
from naswot.scores.failures import SIZE_ERRORS, failure_of, how_it_fails, one_line
from naswot.scores.graph import Recorder, read_graph
from naswot.scores.inputs import Inputs, TensorTree
from naswot.scores.outputs import has_nan, tensors_in
from naswot.scores.plan import Plan
from naswot.scores.relu import CodeOverlap, IncompleteGraphError, NoReluError

try:
    import numba  # noqa: F401
except ImportError:
    FusedRecorder: Any = None
    first_use: Any = None
    operations: Any = None
else:
    from naswot.scores.fused import first_use, operations
    from naswot.scores.fused.recorder import FusedRecorder

VIEW_ERROR = "view size is not compatible"
NO_NUMBA = (
    "numba cannot be imported, so networks are scored without the fused pass. The plain path gives "
    "the same scores in float32, and takes longer: pip install 'naswot[fast]'."
)
NOT_FUSED = (
    "%s is scored without the fused pass: %s. The plain path gives the same score in float32, and "
    "takes longer. Further networks with this reason are not logged."
)
_LOGGED: set[str] = set()  # the reasons that this process has logged


@dataclass
class Codes:
    """What the reachable ReLUs of a network tell about a mini-batch.

    Attributes:
        output: of the network.
        overlaps: of codes, one for each reachable ReLU call.
        note: limitations of the overlaps, in one line; empty if there is none.
    """

    output: Any
    overlaps: list[CodeOverlap] = field(default_factory=list)
    note: str = ""

    @property
    def units(self) -> int:
        """N_A, the number of units."""
        return sum(overlap.units for overlap in self.overlaps)

    def hamming_kernel(self, images: Inputs, batch_dim: int = 0) -> torch.Tensor:
        """Return K_H (B, B) of the `images` that were read, float64; NaN if the output has NaN."""
        kernel = (self.units - self.hamming_distances(images, batch_dim)).double()
        return kernel.fill_(torch.nan) if has_nan(self.output) else kernel

    def hamming_distances(self, images: Inputs, batch_dim: int = 0) -> torch.Tensor:
        """Return the distances between the codes of the `images` that were read, int64 (B, B)."""
        batch_size = images.shape[batch_dim]
        active = torch.zeros(batch_size, batch_size, dtype=torch.int64, device=images.device)
        for overlap in self.overlaps:
            active += overlap.active
        own = active.diagonal()
        return own[:, None] + own[None, :] - 2 * active


def prepare_fused(images: Inputs, precision: torch.dtype) -> None:
    """Load or compile what the fused pass needs, so that the first network is not timed with it."""
    fits = isinstance(images, torch.Tensor) and images.ndim == 4 and images.device.type == "cpu"
    if fits and first_use is not None:
        try:
            first_use.prepare(precision)
        except Exception as error:  # compiler or cache may fail; networks are then scored without
            log.warning("The fused pass cannot be prepared: %s", one_line(error))


def runs_plans(device: torch.device) -> bool:
    """Return whether a `Plan` can take the place of a network of modules on `device`."""
    if device.type != "cpu" or operations is None:
        return False
    try:
        return operations.draws_as_torch()
    except Exception as error:  # as above
        log.warning("Networks are scored as modules: %s", one_line(error))
        return False


def read_codes(
    network: nn.Module | Plan,
    images: Inputs,
    published: bool = False,
    fused: bool = False,
    batch_dim: int = 0,
) -> Codes:
    """Return the codes that the ReLUs of `network` give to `images`, by the fastest method.

    If a method fails, for whatever reason, the next one is tried on the network in its old state.
    So the network itself is at fault only if all methods fail. For a plan there is one method.

    Args:
        network: in the mode, precision and memory format in which it is to run; or a plan.
        images: the mini-batch, as the network takes it.
        published: whether ReLUs are the modules whose class name contains "ReLU", as in the
            authors' code, instead of the calls of ReLU functions.
        fused: whether to try the fused pass first. A network that is scored without it is logged,
            once per process and reason.
        batch_dim: the dimension of `images` that is the mini-batch.

    Raises:
        NoReluError: the network has no ReLU.
        NaswotError: the network fails on the images.
    """
    if isinstance(network, Plan):
        try:
            return Codes(*operations.run(network, images))
        except SIZE_ERRORS as error:
            cure = "score it on images of another"
            raise NaswotError(f"The network {how_it_fails(error, images, cure)}") from error
    restore, name = save_state(network, images), type(network).__name__
    tree = isinstance(images, TensorTree)  # integers are no part of a graph
    plain = [*([] if batch_dim or tree else ["graph"]), "flow", "flow with gradients"]
    fused = fused and batch_dim == 0 and not tree and _fused_pass_applies(images)
    methods = ["fused", *plain] if fused else plain
    failure: Any = None
    reason = None
    with _without_compilation(network):
        while methods:
            method, *methods = methods
            try:
                if method in ("fused", "graph") and isinstance(images, torch.Tensor):
                    recorder = FusedRecorder if method == "fused" else Recorder
                    output, calls = read_graph(network, images, recorder(len(images), published))
                    codes = Codes(output, [call.overlap for call in calls])
                else:
                    gradients = method == "flow with gradients"
                    codes = _read_data_flow(network, images, published, batch_dim, gradients)
            except (NaswotError, torch.OutOfMemoryError):
                raise
            except IncompleteGraphError as error:
                log.debug("%s: %s", name, error)
                reason = reason or (logging.INFO, str(error), str(error))
                methods = [method for method in methods if method.startswith("flow")]
            except (Exception, SystemExit) as error:
                log.debug("%s: the method %r fails: %r", name, method, error)
                failure = error
                reason = reason or (logging.WARNING, type(error).__name__, one_line(error))
                if VIEW_ERROR in str(error) and not images.is_contiguous():
                    set_memory_format(network, torch.contiguous_format)
                    images, methods = images.contiguous(), plain
                    reason = (logging.WARNING, VIEW_ERROR, "x.view needs contiguous tensors.")
            else:
                if fused and reason is not None:
                    level, key, text = reason
                    _log_once(key, level, NOT_FUSED, name, text.rstrip("."))
                return codes
            restore()
    raise _failure(network, images, failure) from failure


def _fused_pass_applies(images: Inputs) -> bool:
    if FusedRecorder is None:
        _log_once("numba", logging.INFO, NO_NUMBA)
    return FusedRecorder is not None and images.device.type == "cpu"


def _log_once(key: str, level: int, message: str, *arguments: str) -> None:
    """Log `message`, unless this process has logged one with the same `key`."""
    if key not in _LOGGED:
        _LOGGED.add(key)
        log.log(level, message, *arguments)


def _without_compilation(network: nn.Module) -> AbstractContextManager:
    """Let modules that were compiled run as they were written."""
    if not any(type(module).__name__ == "OptimizedModule" for module in network.modules()):
        return nullcontext()
    if not hasattr(torch.compiler, "set_stance"):
        raise NaswotError(
            f"{type(network).__name__} was compiled by torch.compile. torch {torch.__version__} "
            "cannot run it as it was written, which scores need: score it before torch.compile, or "
            "install torch 2.6 or newer."
        )
    return torch.compiler.set_stance("force_eager")


def _failure(network: nn.Module, images: Inputs, failure: Exception) -> NaswotError:
    """Return the error to raise for a network on which every method has failed."""
    try:
        with torch.no_grad():
            network(images.clone())
    except (Exception, SystemExit) as error:  # a network may raise anything
        return failure_of(network, error, images)
    return NaswotError(
        f"{type(network).__name__} runs, but its reachable ReLUs cannot be determined: "
        f"{one_line(failure)}"
    )


def _read_data_flow(
    network: nn.Module, images: Inputs, published: bool, batch_dim: int, gradients: bool
) -> Codes:
    """Return the codes by data flow. `gradients` is for networks that compute some themselves.

    Raises:
        NoReluError: there is no ReLU whose input depends on the images.
        NaswotError: the mini-batch is found in the input of no reachable ReLU.
    """
    batch_size = images.shape[batch_dim]

    def run(batch: Inputs, trial: bool = True) -> tuple[DataFlow, Any]:
        batch = batch.detach().requires_grad_(gradients)
        with torch.set_grad_enabled(gradients):
            batch = batch.clone()
            flow = DataFlow(network, batch, None if batch_dim else batch_size, published, trial)
            with tracing(flow, network):
                return flow, network(batch)

    flow, output = run(images, trial=False)
    if inspect.isgenerator(output):
        raise NaswotError(
            f"{type(network).__name__} returns a generator, so none of its code has run; a network "
            "has to return its output."
        )
    if not any(call.dependencies & IMAGES for call in flow.calls):
        which = "on data that depend on the images" if flow.calls else "that can be seen"
        raise NoReluError(
            f"{type(network).__name__} calls no ReLU, ReLU6, LeakyReLU, PReLU or RReLU {which}, so "
            "it has no ReLU codes to score."
        )
    certain, counted = _reachable_calls(flow, output)
    dependent = [call for call in counted if call.dependencies & IMAGES]
    unclear = [call for call in dependent if call.overlap is None]
    indices = [flow.calls.index(call) for call in unclear]
    positions = find_batch_positions(run, network, images, batch_dim, indices, len(flow.calls))
    assumed = 0
    for index, call in zip(indices, unclear, strict=True):
        position = positions.get(index)
        if position is None and batch_dim == 0 and call.shape[:1] == (batch_size,):
            position, assumed = BatchPosition(0, True), assumed + 1
        if position is not None:
            call.overlap = position.overlap(call.codes, batch_size)  # type: ignore[arg-type]
    lost = [call for call in unclear if call.overlap is None]
    if lost and len(lost) == len(dependent):
        raise NaswotError(
            f"{_describe_inputs(lost)}: the {batch_size} images of the mini-batch cannot be told "
            "apart there. Score a network that keeps the mini-batch in the first dimension, or say "
            "which dimension of the images it is (batch_dim)."
        )
    constant, uncertain = len(counted) - len(dependent), len(counted) - len(certain)
    of = f"of {len(flow.calls)} ReLU{'s' if len(flow.calls) > 1 else ''}"
    notes = (
        (constant, f"{constant} {of} do not depend on the images and are left out"),
        (lost, f"{len(lost)} {of} are left out: {_describe_inputs(lost)}, which mixes the images"),
        (assumed, f"{assumed} {of} are assumed to have the mini-batch first"),
        (
            uncertain,
            f"{uncertain} {of} are counted although the output may not depend on them: values "
            "leave PyTorch on the way",
        ),
        (
            flow.sign_choices,
            f"choices by the sign of a tensor are no ReLUs and not counted: {flow.sign_choices}",
        ),
        (not counted, f"the output depends on none {of}, so all images have the same code"),
    )
    overlaps = [call.overlap for call in dependent if call.overlap is not None]
    return Codes(output, overlaps, "; ".join(text for applies, text in notes if applies))


def _reachable_calls(flow: DataFlow, output: Any) -> tuple[list[TracedCall], list[TracedCall]]:
    """Return the calls on which `output` certainly depends, and those on which it may depend."""
    certain = flow.dependencies_of(output)
    anything = next(tensors_in(output), None) is not None or flow.escaped
    found = []
    for bits in (certain, certain | (flow.escaped if anything else -1)):
        owners = {id(call.owner) for n, call in enumerate(flow.calls) if bits >> n + 1 & 1}
        found.append([call for call in flow.calls if id(call.owner) in owners])
    return found[0], found[1]


def _describe_inputs(calls: list[TracedCall]) -> str:
    shapes = ", ".join(dict.fromkeys(str(tuple(call.shape)) for call in calls))
    return f"a ReLU has an input of shape {shapes}"
