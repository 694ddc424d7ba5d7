"""The condition number of the empirical NTK (Chen et al., "TE-NAS", ICLR 2021): lower is better.

With G (n, P) the gradients of the sum of the logits of each image with respect to all trainable
parameters, Θ = G Gᵀ and ntk_condition = λ_max / λ_min.

As in the authors' code there is one forward pass in train mode, so batch normalisation ties the
images together, and a backward pass for each image. Unlike there, biases count among the
parameters, as in the definition. At most `IMAGES` images, the first of the mini-batch, are looked
at: time grows with the square of their number. (Backward passes batched by `torch.func` give the
same gradients, and take half as long again on a CPU.)
"""

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.passes import first_output_fast, prepare

IMAGES = 16


def gradients(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return G (n, P): a row of gradients for each of `images` (n, …). Takes `network` over.

    Of several outputs the first is taken.

    Raises:
        NaswotError: the network has no trainable parameter, or no output depends on one.
    """
    network, images = prepare(network, images)
    parameters = [p for p in network.parameters() if p.requires_grad]
    if not parameters:
        raise NaswotError(f"{type(network).__name__} has no trainable parameter, so it has no NTK.")
    with torch.enable_grad():
        outputs = first_output_fast(network, images).sum(1).unbind()
    if not outputs[0].requires_grad:
        return images.new_zeros(len(images), 1)
    rows = []
    for output in outputs:
        found = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True)
        # Parameters without a path to the output would only add zeros to every product.
        rows.append(torch.cat([g.flatten() for g in found if g is not None]))
    return torch.stack(rows)


def condition(rows: torch.Tensor) -> float:
    """Return λ_max / λ_min of the products of `rows` (n, P); inf if they are singular, else NaN.

    They count as singular where rounding in the gradients could make up the smallest singular
    value of `rows`: where it is below n ε times the largest, for ε that of the rows' type.
    """
    if not rows.isfinite().all():
        return torch.nan
    wide = rows.double()
    eigenvalues = torch.linalg.eigvalsh(wide @ wide.t())
    smallest, largest = eigenvalues[0], eigenvalues[-1]
    rounding = max(
        (len(rows) * torch.finfo(rows.dtype).eps) ** 2,
        len(rows) * torch.finfo(wide.dtype).eps,
    )
    return (largest / smallest).item() if smallest > rounding * largest else torch.inf


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"ntk_condition": condition(gradients(network, batch.images[:IMAGES]))}
