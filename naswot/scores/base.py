"""What all scores share: mini-batch, options, result, and the function that computes them.

The function of a family may change the network. So `measure` gives each family a copy, and one copy
to all families that share a pass. All start from the same weights and the same state of the random
generator, whichever scores are computed together.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores import Family
from naswot.scores.adapter import Output, adapted
from naswot.scores.copying import Copier
from naswot.scores.failures import one_line
from naswot.scores.inputs import Inputs, TensorTree, float_tensors
from naswot.scores.lazy_modules import materialise
from naswot.scores.plan import Plan

# (output, labels) → scalar
Loss = Callable[[torch.Tensor, Any], torch.Tensor]


@dataclass(frozen=True)
class Batch:
    """A mini-batch.

    Attributes:
        images: the inputs, (B, …), as the networks take them, already normalised, on the device to
            use; a tree if they are integers or several tensors.
        labels: int64 (B,), from 0 to `classes` − 1, on the same device; with a `loss`, anything
            (B, …) that it takes.
        classes: number of classes; networks have as many outputs, or one output for scores that
            do not need labels.
        loss: (output, labels) → scalar; None: cross-entropy.
        output: from what a network returns to the tensor (B, …) that is scored; None: the first
            tensor of floats (B, …).
    """

    images: Inputs
    labels: Any
    classes: int
    loss: Loss | None = None
    output: Output | None = None

    def __getitem__(self, part: slice) -> "Batch":
        """Return a part of the mini-batch."""
        return replace(self, images=self.images[part], labels=self.labels[part])


@dataclass(frozen=True)
class Options:
    """How the naswot score is computed. Other scores are always in float32 or wider.

    Attributes:
        precision: of the forward pass, "float32" or "bfloat16".
        relu_count: "once" or "as-published"; see `naswot.scores.naswot.score`.
    """

    precision: str = "float32"
    relu_count: str = "once"


@dataclass(frozen=True)
class Score:
    """One score of one network.

    Attributes:
        value: the score; it may be −inf, inf or NaN.
        seconds: wall time of the family and of construction; a shared pass counts for the first
            family that uses it.
        build_seconds: wall time of construction alone; 0 if a built network was given.
        relu_units: N_A, the number of units of reachable ReLUs; None for scores without codes.
        relu_modules: the number of reachable ReLU calls; None for scores without codes.
        note: remarks on the value, in one line; usually empty.
    """

    value: float
    seconds: float
    build_seconds: float = 0.0
    relu_units: int | None = None
    relu_modules: int | None = None
    note: str = ""


def measure(
    network: nn.Module | Callable[[], nn.Module | Plan],
    batch: Batch,
    families: Sequence[Family],
    options: Options = Options(),
) -> dict[str, Score]:
    """Compute all scores of `families` on one network, which is built once.

    Args:
        network: a module, which is not changed, or a function that builds one (construction is
            then timed too). It may return a plan if `families` is the naswot score alone.
        batch: the mini-batch.
        families: the families to compute.
        options: of the naswot score.

    Returns:
        Name of the score → result.

    Raises:
        NaswotError: the network cannot be copied, or a score does not apply to it.
    """
    started = time.perf_counter()
    given = isinstance(network, nn.Module)
    for family in families:
        if gap := gap_of(family, batch):
            raise NaswotError(f"{', '.join(family.scores)}: {gap}")
    built: Any = network if given else network()
    original = built
    if not isinstance(built, Plan):
        original = adapted(built, batch.images, batch.output)
        materialise(original, batch.images[:2])  # some lazy modules cannot be copied
    build_seconds = 0.0 if given else time.perf_counter() - started
    cpu, cuda = torch.get_rng_state(), torch.cuda.get_rng_state_all()
    sharing = tuple(family for family in families if family.pass_needs)
    groups = list(dict.fromkeys(sharing if family.pass_needs else (family,) for family in families))
    results: dict[str, Score] = {}
    copy_again = Copier(original)
    for group in groups:
        started = time.perf_counter()
        copied = original if group is groups[-1] and not given else copy_again()
        arguments: tuple = (copied, batch)
        if group is sharing:
            needs = {need for family in group for need in family.pass_needs}
            about = batch.images, batch.labels, batch.classes, needs
            arguments = (group[0].pass_class(copied, *about, batch.loss),)
        for family in group:
            torch.set_rng_state(cpu)
            torch.cuda.set_rng_state_all(cuda)
            found = dict(family.compute(*arguments, options))
            seconds = build_seconds + time.perf_counter() - started
            values = {name: found.pop(name) for name in family.scores}
            note: Any = found.pop("note", "")
            notes = note if isinstance(note, dict) else dict.fromkeys(values, note)
            results |= {
                name: Score(value, seconds, build_seconds, note=notes.get(name, ""), **found)
                for name, value in values.items()
            }
            started = time.perf_counter()
    return {name: results[name] for family in families for name in family.scores}


def are_classes(labels: Any, classes: int) -> bool:
    """Return whether labels are one class for each image; those of a loss may be others."""
    if labels.ndim != 1 or labels.dtype != torch.int64 or isinstance(labels, TensorTree):
        return False
    return bool(((labels >= 0) & (labels < classes)).all())


def gap_of(family: Family, batch: Batch) -> str:
    """Return why the inputs of `batch` do not suit the scores of `family`; empty if they do."""
    if "float inputs" not in family.needs or float_tensors(batch.images):
        return ""
    return f"it needs inputs of floating point, and these are integers ({batch.images})."


def set_train_mode(network: nn.Module) -> nn.Module:
    """Return `network` in train mode.

    A network may override `train` to freeze layers, and it may then return nothing. Exported blocks
    have a fixed mode and refuse `train`. If it fails, only the attribute `training` is set, and the
    log says so.
    """
    try:
        network.train()
    except Exception as error:  # an overridden method may raise anything
        reason = one_line(error)
        log.info("%s is put in train mode without train(): %s", type(network).__name__, reason)
        for module in network.modules():
            module.training = True
    return network


def move_network(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return `network` on `device`, with its floating-point tensors in `dtype`.

    A network may override `to` for tensors that are neither parameters nor buffers.
    """
    if type(network).to is not nn.Module.to:
        try:
            network.to(device)
        except Exception as error:  # it may take other arguments, or refuse
            reason = one_line(error)
            log.info("%s is moved without its own to(): %s", type(network).__name__, reason)
    tensors = itertools.chain(network.parameters(), network.buffers())
    if all(x.device == device and x.dtype in (dtype, torch.int64) for x in tensors):
        return network  # to check is faster than to move
    return nn.Module.to(network, device, dtype)


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Store tensors of four dimensions in `memory_format`; `Module.to` fails on five dimensions."""
    for tensor in itertools.chain(network.parameters(), network.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=memory_format)


def save_state(network: nn.Module, images: Inputs) -> Callable[[], None]:
    """Return a function that undoes a forward pass: buffers, attributes, random generators.

    Attributes that are lists get back their old contents.
    """
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state(images.device) if images.is_cuda else None
    namespaces = [
        names
        for module in network.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # its attributes are stored elsewhere
        for names in (vars(module), module._buffers)
    ]
    attributes = [(names, dict(names)) for names in namespaces]
    values = (value for names in namespaces for value in names.values())
    lists = [(value, [*value]) for value in values if type(value) is list]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]

    def restore() -> None:
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, images.device)
        for names, before in attributes:
            names.clear()
            names.update(before)
        for held, kept in lists:
            held[:] = kept
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)

    return restore
