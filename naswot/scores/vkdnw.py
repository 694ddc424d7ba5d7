"""The Fisher spectrum of Týbl and Neumann ("VKDNW", CVPR 2025): how evenly parameters matter.

The network is in eval mode, with the weights that it has, on x_b from N(0, 1). With J_b (classes,
entries) the Jacobian of the logits of x_b, and p its softmax, smoothed: 0.95 p + 0.05 / classes,

    F = mean_b J_bᵀ (diag p − p pᵀ) J_b
    vkdnw_entropy = −Σ q ln q,   q: the deciles .1, .2, … .9 of F's singular values, divided by
                                 their sum
    vkdnw = number of parameter tensors + vkdnw_entropy     (VKDNW_single in the paper)

The entries are one of each parameter tensor, drawn at random, so that not all lie in the first
channel. Of more than `TENSORS` tensors, as many are taken at equal distances in the order of
definition, so that all depths are there. There are `PASSES` / classes images, from 2 to 16: fewer
would have fewer gradients than entries, and the lower deciles would be 0. If at most a tenth of the
entries change the output, all deciles are 0 and the scores are −∞.

The public code multiplies J by the Cholesky factor L of diag p − p pᵀ; the definition needs Lᵀ, and
so it is here. (F is never formed: singular values of its root keep the small ones apart.)

For a Jacobian by entry, class and image, each module that holds an entry is differentiated forward,
and its outputs backward from every class, for all images at once. That takes a third of the time
of a backward pass for each logit, which is done for entries where the two differ: those
that are used outside of their module, or where the mini-batch is not the first dimension.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores.base import Batch, Options
from naswot.scores.failures import one_line
from naswot.scores.inputs import Inputs, on_floats
from naswot.scores.outputs import tensors_in
from naswot.scores.passes import first_output, first_tensor, freeze, prepare

TENSORS = 128
PASSES = 160
LARGEST = 16  # images
SMOOTHING = 0.05
TOLERANCE = 1e-3  # by which the two ways to differentiate may differ


@dataclass(frozen=True)
class Entry:
    """One entry of a parameter tensor: the tensor and the entry's place in it, flattened."""

    tensor: nn.Parameter
    place: int

    def tangent(self) -> torch.Tensor:
        """Return a tensor of zeros with 1 at the entry."""
        found = torch.zeros_like(self.tensor, memory_format=torch.contiguous_format)
        found.view(-1)[self.place] = 1
        return found


def draw_entries(tensors: list[nn.Parameter]) -> list[Entry]:
    """Return a random entry of each of `tensors`, or of `TENSORS` of them at equal distances."""
    count = min(TENSORS, len(tensors))
    chosen = [tensors[i * len(tensors) // count] for i in range(count)]
    return [Entry(w, int(torch.randint(w.numel(), ()))) for w in chosen]


@contextmanager
def without_fast_attention() -> Iterator[None]:
    """While entered, attention takes the way that can be differentiated forward."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class ForwardDerivatives:
    """While entered, keeps the derivatives of modules' outputs by entries of their parameters.

    The module is the one that holds the parameter, or the innermost one around it that is called
    and returns a tensor (B, …): attention reads the weights of its projection without calling it.

    Attributes:
        found: edge of the autograd graph, number of the entry, derivative of what is at that edge.
            Of maps (B, C, …), only channels that change are kept, with their numbers.
    """

    def __init__(self, network: nn.Module, entries: list[Entry], images: int):
        self.found: list[tuple[GradientEdge, int, torch.Tensor, torch.Tensor | None]] = []
        self._network, self._entries, self._images = network, entries, images
        self._busy = False
        self._done: set[int] = set()  # entries

    def __enter__(self) -> "ForwardDerivatives":
        numbers = {id(entry.tensor): number for number, entry in enumerate(self._entries)}
        self._handles = []
        for module in self._network.modules():
            names = {
                name: numbers[id(p)] for name, p in module.named_parameters() if id(p) in numbers
            }
            if names and not isinstance(module, torch.jit.ScriptModule):  # it takes no hook
                hook = self._hook(names)
                self._handles.append(module.register_forward_hook(hook, with_kwargs=True))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, names: dict[str, int]) -> Callable:
        def after(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
            if self._busy:  # it is called to differentiate it, or a module around it
                return
            for name, number in names.items():
                if "." in name and number in self._done:  # by a module inside
                    continue
                self._busy = True
                try:
                    self._differentiate(module, name, number, args, kwargs, output)
                except Exception as error:  # an operation has no forward derivative, …
                    self._done.add(number)
                    log.debug("vkdnw: %s: %s", type(module).__name__, one_line(error))
                finally:
                    self._busy = False

        return after

    def _differentiate(
        self, module: nn.Module, name: str, number: int, args: tuple, kwargs: dict, output: Any
    ) -> None:
        entry = self._entries[number]
        with torch.no_grad(), without_fast_attention(), forward_ad.dual_level():
            dual = forward_ad.make_dual(entry.tensor.detach(), entry.tangent())
            again = functional_call(module, {name: dual}, args, kwargs)
            tangents = [forward_ad.unpack_dual(y).tangent for y in tensors_in(again)]
        for y, tangent in zip(tensors_in(output), tangents, strict=True):
            if tangent is None or not y.requires_grad or y.ndim < 2 or len(y) != self._images:
                continue
            channels = None
            if y.ndim > 3:
                channels = tangent.transpose(0, 1).flatten(1).any(1).nonzero()[:, 0]
                tangent = tangent[:, channels]
            self.found.append((get_gradient_edge(y), number, tangent, channels))
            self._done.add(number)


def jacobians(
    network: nn.Module, images: Inputs, entries: list[Entry]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits' derivatives by `entries`, (entries, B, classes), and the logits."""
    # Not channels-last: there, with checkpoints and group normalisation, torch 2.13 crashed.
    with torch.enable_grad(), ForwardDerivatives(network, entries, len(images)) as derivatives:
        logits = first_output(network, images.clone())
    found = logits.new_zeros(len(entries), *logits.shape)
    edges = list(dict.fromkeys(edge for edge, *_ in derivatives.found))
    with torch.enable_grad():
        sums = logits.sum(0).unbind() if edges and logits.requires_grad else ()
    for c, total in enumerate(sums):
        gradients = torch.autograd.grad(total, edges, retain_graph=True, allow_unused=True)
        arrived = dict(zip(edges, gradients, strict=True))
        for edge, number, tangent, channels in derivatives.found:
            gradient = arrived[edge]
            if gradient is not None:
                part = gradient if channels is None else gradient[:, channels]
                found[number, :, c] += (part * tangent).flatten(1).sum(1)
    return found, logits


def differing(found: torch.Tensor, logits: torch.Tensor, entries: list[Entry]) -> list[int]:
    """Return the numbers of entries whose derivatives `found` are not those of `logits`.

    One backward pass from random weights of all logits tells.
    """
    if not logits.requires_grad:
        return []
    weights = torch.randn_like(logits)
    gradients = torch.autograd.grad(
        logits, [entry.tensor for entry in entries], weights, materialize_grads=True
    )
    pairs = zip(gradients, entries, strict=True)
    expected = torch.stack([g.reshape(-1)[entry.place] for g, entry in pairs])
    parts = (found * weights).flatten(1)
    norms = parts.norm(dim=1)
    # Some derivatives, such as by a bias of keys, are 0 and are rounding errors here.
    allowed = TOLERANCE * (norms + TOLERANCE * norms.max())
    same = (parts.sum(1) - expected).abs() <= allowed
    return (~same).nonzero()[:, 0].tolist()


def by_logit(network: nn.Module, images: Inputs, entries: list[Entry]) -> torch.Tensor:
    """Return what `jacobians` does, by a backward pass for each image and class."""
    tensors = [entry.tensor for entry in entries]
    rows = []
    for image in images.split(1):
        with torch.enable_grad():
            outputs = first_output(network, image.clone())[0].unbind()
        for output in outputs:
            gradients = torch.autograd.grad(
                output, tensors, retain_graph=True, materialize_grads=True
            )
            pairs = zip(gradients, entries, strict=True)
            rows.append(torch.stack([g.reshape(-1)[entry.place] for g, entry in pairs]))
    return torch.stack(rows, 1).reshape(len(entries), len(images), -1)


def gaussian(like: torch.Tensor) -> torch.Tensor:
    """Return numbers from N(0, 1), of the shape of `like` and contiguous."""
    return torch.randn(like.shape, dtype=like.dtype, device=like.device)


def entropy(jacobian: torch.Tensor, logits: torch.Tensor) -> float:
    """Return V of `jacobian` (entries, B, classes) and `logits` (B, classes).

    −∞ if the deciles are 0, NaN if something is not finite.
    """
    wide = jacobian.double()
    p = (1 - SMOOTHING) * logits.double().softmax(1) + SMOOTHING / logits.shape[1]
    # Σ_c p_c (J_c − J̄) (J_c − J̄)ᵀ = J (diag p − p pᵀ) Jᵀ, with J̄ = Σ_c p_c J_c
    root = p.sqrt() * (wide - (p * wide).sum(2, keepdim=True)) / math.sqrt(len(p))
    if not root.isfinite().all():
        return math.nan
    rows = root.flatten(1)
    spectrum = rows.new_zeros(len(rows))  # the rank may be lower
    values = torch.linalg.svdvals(rows)
    spectrum[: len(values)] = values.square()
    deciles = torch.quantile(spectrum, torch.arange(1, 10, device=rows.device).double() / 10)
    if deciles.sum() == 0:
        return -math.inf
    shares = deciles / deciles.sum()
    return -torch.xlogy(shares, shares).sum().item()


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    name = type(network).__name__
    network, images = prepare(network, batch.images[:LARGEST])
    network.eval()
    tensors = [p for p in network.parameters() if p.is_floating_point() and p.numel()]
    if not tensors:
        raise NaswotError(f"{name} has no parameter, so vkdnw does not apply to it.")
    with torch.no_grad():
        output = first_tensor(network, images[:1].clone())
    width = output.numel()
    if width < 2:
        raise NaswotError(f"{name} has one output; vkdnw needs an output per class.")
    if output.shape[1] < width:
        raise NaswotError(
            f"{name} has an output of shape {tuple(output.shape)}; vkdnw needs one per class."
        )
    count = min(LARGEST, max(2, math.ceil(PASSES / width)))
    images = on_floats(gaussian, images[torch.arange(count) % len(images)])
    entries = draw_entries(tensors)
    freeze(network, [entry.tensor for entry in entries])
    found, logits = jacobians(network, images, entries)
    if logits.isfinite().all():
        wrong = differing(found, logits, entries)
        if wrong:
            found[wrong] = by_logit(network, images, [entries[number] for number in wrong])
        value = entropy(found, logits.detach())
    else:
        value = math.nan
    return {"vkdnw": len(tensors) + value, "vkdnw_entropy": value}
