"""What scores of outputs and gradients share: weights, outputs, the loss, a pass in train mode.

The weights that are scored are those of convolutions and linear layers, without biases, batch
normalisations and parameters of other modules (such as the projections of attention). The code of
Abdelfattah et al. (ICLR 2021) does the same, but handles only 2-d convolutions. A weight that
several layers share counts once.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Loss, move_network, set_memory_format, set_train_mode
from naswot.scores.failures import one_line
from naswot.scores.inputs import Inputs, TensorTree
from naswot.scores.outputs import tensors_in

T = TypeVar("T")

LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def prepare(
    network: nn.Module, images: Inputs, least: torch.dtype = torch.float32
) -> tuple[nn.Module, Inputs]:
    """Return `network` in train mode and a copy of `images`, both at least as wide as `least`.

    The network is moved to the images' device. The images are a copy, because the network may
    change its input in place.
    """
    dtype = torch.promote_types(images.dtype, least)
    network = move_network(set_train_mode(network), images.device, dtype)
    return network, images.detach().to(dtype, copy=True)


def freeze(network: nn.Module, but: Iterable[nn.Parameter] = ()) -> None:
    """Let gradients be computed only by inputs and by the parameters in `but`, which saves time.

    Parameters of copies of scripted modules are no leaves and stay as they are.
    """
    kept = set(map(id, but))
    for parameter in network.parameters():
        if parameter.is_leaf:
            parameter.requires_grad_(id(parameter) in kept)


def layer_weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of convolutions and linear layers; all then require a gradient.

    Raises:
        NaswotError: there is none, or one is not a parameter but computed from others.
    """
    found: dict[int, Any] = {}
    for name, layer in network.named_modules():
        if isinstance(layer, LAYERS):
            weight = layer.weight
            if not isinstance(weight, nn.Parameter):
                raise NaswotError(
                    f"The weight of {type(network).__name__}'s layer {name!r} is computed from "
                    "other parameters, so it has no gradient of its own to score."
                )
            found[id(weight)] = weight.requires_grad_()  # frozen weights too
    if not found:
        raise NaswotError(
            f"{type(network).__name__} has no convolution or linear layer that can be seen "
            "(scripted modules hide theirs), so it has no weights to score."
        )
    return list(found.values())


def first_tensor(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return the first tensor of the output with one row per image, (B, …).

    Networks with auxiliary heads return the main logits first.

    Raises:
        NaswotError: there is no such tensor.
    """
    for tensor in tensors_in(network(images)):
        if tensor.ndim and len(tensor) == len(images) and tensor.is_floating_point():
            return tensor
    raise NaswotError(
        f"{type(network).__name__} returns no tensor of floats with one row for each of the "
        f"{len(images)} images, so no score of outputs applies to it."
    )


def first_output(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return `first_tensor` as (B, width). Raises as it does."""
    return first_tensor(network, images).reshape(len(images), -1)


def first_output_fast(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return `first_output`, computed channels-last if the network allows it.

    Raises:
        NaswotError: as `first_output`.
    """
    return run_fast(first_output, network, images)


def run_fast(run: Callable[[nn.Module, Any], T], network: nn.Module, images: Inputs) -> T:
    """Return `run(network, images)`, computed channels-last if the network allows it.

    On CPUs this saves a third of the time of forward and backward passes. Networks that flatten
    with `x.view` need contiguous tensors. So do 1×1 convolutions of fewer than 8 channels with a
    stride: without AVX-512, their backward pass in oneDNN (torch 2.13) would write beyond its
    tensors.
    """
    thin = any(map(_is_thin, network.modules()))
    if isinstance(images, torch.Tensor) and images.ndim == 4 and not thin:
        try:
            set_memory_format(network, torch.channels_last)
            return run(network, images.contiguous(memory_format=torch.channels_last))
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
            set_memory_format(network, torch.contiguous_format)
    return run(network, images)


def _is_thin(layer: nn.Module) -> bool:
    """Return whether `layer` is a 1×1 convolution of fewer than 8 channels with a stride."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.in_channels // layer.groups < 8
        and max(layer.kernel_size) == 1 < max(layer.stride)
    )


def require_gradient(network: nn.Module, output: torch.Tensor) -> torch.Tensor:
    """Return `output`, which `network` returned.

    Raises:
        NaswotError: it has no gradient.
    """
    if not output.requires_grad:
        raise NaswotError(
            f"The output of {type(network).__name__} does not depend on its parameters, so it has "
            "no gradient to score."
        )
    return output


def cross_entropy(
    network: nn.Module, logits: torch.Tensor, labels: torch.Tensor, classes: int
) -> torch.Tensor:
    """Return the mean cross-entropy, a scalar, of `logits` (B, classes), `network`'s first output.

    Raises:
        NaswotError: the logits have another shape or no gradient.
    """
    require_gradient(network, logits)
    expected = (len(labels), classes)
    if tuple(logits.shape) != expected:
        raise NaswotError(
            f"The output of {type(network).__name__} has the shape {tuple(logits.shape)}; scores "
            f"that need labels need logits of the shape {expected}: one output per class."
        )
    return functional.cross_entropy(logits, labels.clone())


def loss_of(
    network: nn.Module, output: torch.Tensor, labels: Any, classes: int, loss: Loss | None
) -> torch.Tensor:
    """Return the loss, a scalar, of `output` (B, …), `network`'s first tensor.

    Args:
        network: named in messages.
        output: of the network.
        labels, classes, loss: as in `naswot.scores.base.Batch`.

    Raises:
        NaswotError: the output has no gradient; the logits have another shape than (B, classes), or
            `loss` fails, returns no scalar or none with a gradient.
    """
    if loss is None:
        return cross_entropy(network, output.reshape(len(output), -1), labels, classes)
    require_gradient(network, output)
    name = type(network).__name__
    try:
        labels = labels.clone()  # which the user's function may change in place
        found = loss(output, labels.tree if isinstance(labels, TensorTree) else labels)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise NaswotError(
            f"The loss fails on the output of {name}, of shape {tuple(output.shape)}: "
            f"{one_line(error)} It is called as loss(output, labels)."
        ) from error
    if not isinstance(found, torch.Tensor) or found.ndim:
        what = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise NaswotError(
            f"The loss of {name} is no scalar tensor but {what}; return one, such as the mean over "
            "the mini-batch."
        )
    if not found.requires_grad:
        raise NaswotError(
            f"The loss of {name} has no gradient; compute it from the output by differentiable "
            "operations (not argmax, detach, item or numpy)."
        )
    return found


def batch_loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the loss, a scalar, of `network` on `batch`.

    Raises:
        NaswotError: as `first_tensor` and `loss_of`.
    """
    with torch.enable_grad():
        output = run_fast(first_tensor, network, batch.images)
        return loss_of(network, output, batch.labels, batch.classes, batch.loss)


def sum_float64(terms: list[torch.Tensor]) -> float:
    """Return the sum of scalar tensors in float64; 0 if there are none."""
    return torch.stack(terms).double().sum().item() if terms else 0.0


class TrainPass:
    """A pass of a network over the whole mini-batch in train mode, shared by several families.

    Forward pass and gradients are computed when they are first needed, and kept.

    Args:
        network: any; it is changed.
        images: (B, …), the mini-batch, on the device to use.
        labels, classes, loss: as in `naswot.scores.base.Batch`.
        needs: what is needed besides the gradients of the loss: "images" (gradients with respect to
            them), "outputs" (of layers), "curvature" (gradients of gradients).

    Attributes:
        images: (B, …), in the network's type.
        labels, classes: as given.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Inputs,
        labels: Any,
        classes: int,
        needs: Collection[str],
        loss: Loss | None = None,
    ):
        self.labels, self.classes, self._loss = labels, classes, loss
        self._network, self.images = prepare(network, images)
        self._curvature = "curvature" in needs
        self._alone = set(needs) == {"curvature"}
        self._outputs: list[tuple[nn.Module, torch.Tensor]] = []
        self.images.requires_grad_("images" in needs)
        for parameter in self._network.parameters():
            if parameter.is_floating_point():
                parameter.requires_grad_()
        self._hooks = [
            layer.register_forward_hook(self._keep_output)
            for layer in self._network.modules()
            if "outputs" in needs and isinstance(layer, LAYERS)
        ]

    def _keep_output(self, layer: nn.Module, _, output: torch.Tensor) -> torch.Tensor:
        if not output.requires_grad:
            return output
        self._outputs.append((layer, output))
        return output.clone()  # which later layers may change in place

    @cached_property
    def weights(self) -> list[nn.Parameter]:
        """The weights of layers. Raises as `layer_weights`."""
        return layer_weights(self._network)

    @cached_property
    def output(self) -> torch.Tensor:
        """The first tensor of the output, (B, …). Raises as `first_tensor`."""
        # Fused attention has no second derivative. In a pass that others share it stays, so that
        # their values do not depend on the company; there curvature fails and is computed alone.
        attention = sdpa_kernel(SDPBackend.MATH) if self._alone else nullcontext()
        with torch.enable_grad(), attention:
            output = first_tensor(self._network, self.images.clone())
        for hook in self._hooks:
            hook.remove()  # each refers to this object and would delay its release
        return output

    @cached_property
    def logits(self) -> torch.Tensor:
        """`output` as (B, width). Raises as it does."""
        with torch.enable_grad():
            return self.output.reshape(len(self.images), -1)

    @cached_property
    def _found(self) -> tuple[torch.Tensor, ...]:
        weights = self.weights
        with torch.enable_grad():
            value = loss_of(self._network, self.output, self.labels, self.classes, self._loss)
        return torch.autograd.grad(
            value,
            [*weights, *(output for _, output in self._outputs)],
            retain_graph=True,
            create_graph=self._curvature,
            materialize_grads=True,
        )

    @property
    def gradients(self) -> tuple[torch.Tensor, ...]:
        """∂L/∂w for each of `weights`, with a graph if "curvature" is needed.

        Raises NaswotError: as `weights`, `output` and `loss_of` do.
        """
        return self._found[: len(self.weights)]

    @property
    def outputs(self) -> list[tuple[nn.Module, torch.Tensor, torch.Tensor]]:
        """Layer, output a and ∂L/∂a for each call of a layer, if "outputs" are needed.

        Raises NaswotError: as `gradients`.
        """
        gradients = self._found[len(self.weights) :]
        return [
            (layer, output.detach(), gradient.detach())
            for (layer, output), gradient in zip(self._outputs, gradients, strict=True)
        ]
