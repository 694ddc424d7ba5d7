"""How the shapes of a layer's weights follow from its input, for the functions of PyTorch's layers.

Each function here is called in the place of the one of PyTorch, with the same arguments. It returns
NotImplemented where the weights are computed by the network, so that they cannot be resized.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from naswot.spaces.derived.sizes import Scales, Size

# Modules whose parameters belong to a layer. Other parameters are sized by what they meet.
KINDS = (
    *(_ConvNd, nn.Linear, nn.Bilinear, nn.Embedding, nn.EmbeddingBag, _NormBase, nn.GroupNorm),
    *(nn.LayerNorm, nn.RMSNorm, nn.PReLU, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase),
)


class Sizes(Protocol):
    """What a layer may ask; `naswot.spaces.derived.probe.Probe` answers."""

    scales: Scales

    def size(self, number: int) -> Size: ...
    def value(self, size: Size) -> int: ...
    def width(self, weight: torch.Tensor, dimension: int) -> Size: ...
    def owns(self, tensor: Any) -> bool: ...
    def resized(self, tensor: Any, sizes: Sequence[Size]) -> Any: ...
    def describe(self, **attributes: Any) -> None: ...
    def fitting(self, tensor: torch.Tensor) -> torch.Tensor: ...


def convolution(
    sizes: Sizes,
    function: Any,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolve; a depth-wise one keeps its number of outputs per input, others choose it."""
    more: Any = (stride, padding, dilation)
    if not sizes.owns(weight):
        # PyTorch's meta device does not look at the bias.
        out, channels = sizes.size(weight.shape[0]), sizes.size(weight.shape[1])
        bias = sizes.resized(bias, [out])
        sizes.describe(in_channels=channels.times(groups), out_channels=out)
        return function(sizes.fitting(input), sizes.fitting(weight), bias, *more, groups)
    channels = sizes.size(input.shape[1 - weight.ndim])
    kernel = [Size(x) for x in weight.shape[2:]]
    new_groups = Size(groups)
    if groups > 1 and groups == channels.original:
        out, each, new_groups = channels.times(weight.shape[0] // groups), Size(1), channels
    else:
        out, each = sizes.width(weight, 0), _shared(sizes, channels, groups)
        _shared(sizes, out, groups)
    weight = sizes.resized(weight, [out, each, *kernel])
    bias = sizes.resized(bias, [out])
    sizes.describe(in_channels=channels, out_channels=out, groups=new_groups)
    return function(sizes.fitting(input), weight, bias, *more, sizes.value(new_groups))


def transposed_convolution(
    sizes: Sizes,
    function: Any,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Convolve; the weight is (inputs, outputs per group, …)."""
    if not sizes.owns(weight) or groups > 1:
        return NotImplemented
    channels, out = sizes.size(input.shape[1 - weight.ndim]), sizes.width(weight, 1)
    kernel = [Size(x) for x in weight.shape[2:]]
    weight = sizes.resized(weight, [channels, out, *kernel])
    bias = sizes.resized(bias, [out])
    sizes.describe(in_channels=channels, out_channels=out)
    more = stride, padding, output_padding, groups, dilation
    return function(sizes.fitting(input), weight, bias, *more)


def linear(
    sizes: Sizes, function: Any, input: torch.Tensor, weight: torch.Tensor, bias: Any = None
) -> Any:
    """Multiply by a weight (outputs, inputs)."""
    if not sizes.owns(weight):
        return NotImplemented
    features, out = sizes.size(input.shape[-1]), sizes.width(weight, 0)
    weight = sizes.resized(weight, [out, features])
    bias = sizes.resized(bias, [out])
    sizes.describe(in_features=features, out_features=out)
    return function(sizes.fitting(input), weight, bias)


def embedding(
    sizes: Sizes, function: Any, input: Any, weight: Any, *more: Any, **named: Any
) -> Any:
    """Look up rows of a weight (words, outputs)."""
    if not sizes.owns(weight):
        return NotImplemented
    out = sizes.width(weight, 1)
    sizes.describe(embedding_dim=out)
    return function(input, sizes.resized(weight, [Size(weight.shape[0]), out]), *more, **named)


def batch_norm(
    sizes: Sizes,
    function: Any,
    input: torch.Tensor,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    *more: Any,
    **named: Any,
) -> Any:
    """Normalise channels, by the batch or by the example."""
    channels = sizes.size(input.shape[1])
    for x in (running_mean, running_var, weight, bias):
        sizes.resized(x, [channels])
    sizes.describe(num_features=channels)
    return _alike(sizes.fitting(input))


def group_norm(
    sizes: Sizes,
    function: Any,
    input: torch.Tensor,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Normalise groups of channels, whose number stays."""
    channels = sizes.size(input.shape[1])
    _shared(sizes, channels, num_groups)
    for x in (weight, bias):
        sizes.resized(x, [channels])
    sizes.describe(num_channels=channels)
    return _alike(sizes.fitting(input))


def layer_norm(
    sizes: Sizes,
    function: Any,
    input: torch.Tensor,
    normalized_shape: Any,
    *more: Any,
    **named: Any,
) -> Any:
    """Normalise over the last dimensions."""
    found = tuple(sizes.size(x) for x in input.shape[-len(normalized_shape) :])
    for x in (*more, *named.values()):
        sizes.resized(x, found)
    sizes.describe(normalized_shape=found)
    return _alike(sizes.fitting(input))


def prelu(sizes: Sizes, function: Any, input: torch.Tensor, weight: torch.Tensor) -> Any:
    """Apply slopes, one or one per channel."""
    if weight.numel() > 1:
        channels = sizes.size(input.shape[1])
        weight = sizes.resized(weight, [channels])
        sizes.describe(num_parameters=channels)
    return function(sizes.fitting(input), weight)


def _alike(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape; on the meta device PyTorch takes long to normalise."""
    return torch.empty_like(tensor)


def _shared(sizes: Sizes, size: Size, groups: int) -> Size:
    """Return `size` over the number of groups, which has to be whole."""
    each = size.over(groups)
    if each is None:
        numbers = [of for of, _ in size.parts]
        sizes.scales.fix(numbers, f"not each part of it fits {groups} groups")
        return Size(size.original // groups)
    sizes.scales.note(each)
    return each


LAYERS: Mapping[Any, Callable[..., Any]] = {
    functional.conv1d: convolution,
    functional.conv2d: convolution,
    functional.conv3d: convolution,
    functional.conv_transpose1d: transposed_convolution,
    functional.conv_transpose2d: transposed_convolution,
    functional.conv_transpose3d: transposed_convolution,
    functional.linear: linear,
    functional.embedding: embedding,
    functional.batch_norm: batch_norm,
    functional.instance_norm: batch_norm,
    functional.group_norm: group_norm,
    functional.layer_norm: layer_norm,
    functional.rms_norm: layer_norm,
    functional.prelu: prelu,
}
