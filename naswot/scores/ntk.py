"""The condition number of the empirical NTK (Chen et al., "TE-NAS", ICLR 2021): lower is better.

Row i of G (n, P) is the gradient of the sum of the logits of image i with respect to all trainable
parameters; Θ = G Gᵀ and ntk_condition = λ_max / λ_min.

As in the authors' code there is one forward pass in train mode, so that images depend on one
another by batch normalisation, and one backward pass per image. Unlike there, biases are among the
parameters, as in the definition. Only the first `IMAGES` images of the mini-batch are used, because
time grows with the square of their number. (Backward passes batched by `torch.func` give the same
gradients and take 1.5 times as long on a CPU.)
"""

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.inputs import Inputs
from naswot.scores.passes import first_output_fast, prepare

IMAGES = 16


def per_image_gradients(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return G (n, P) for `images` (n, …) and the first output. Changes `network`.

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
        return outputs[0].new_zeros(len(images), 1)
    rows = []
    for output in outputs:
        found = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True)
        # Parameters without a path to the output would only add zeros.
        rows.append(torch.cat([g.flatten() for g in found if g is not None]))
    return torch.stack(rows)


def condition_number(rows: torch.Tensor) -> float:
    """Return λ_max / λ_min of Θ for `rows` G (n, P): inf if Θ is singular, NaN if G is not finite.

    Θ counts as singular if rounding errors of the gradients could cause the smallest singular value
    of G: if it is below n ε times the largest, where ε is that of G's type.
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
    return {"ntk_condition": condition_number(per_image_gradients(network, batch.images[:IMAGES]))}
