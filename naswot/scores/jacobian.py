"""Scores of the Jacobians: how a network's outputs change with each image.

Row b of J (B, units) is the gradient of the sum of all outputs with respect to image b (all its
tensors of floating point); one backward pass gives all rows. (In train mode batch normalisation
lets an image influence the outputs of the others, and its row contains that too, as in the authors'
code.) C (B, B) is the correlation matrix of the rows.

- jacob_cov (Mellor et al., 2020, the first version of "Neural Architecture Search without
  Training"; Abdelfattah et al., ICLR 2021): −Σ [ln(v + k) + 1/(v + k)] over the eigenvalues v of C.
- epe_nas (Lopes et al., "EPE-NAS", ICANN 2021): with s_c = Σ ln(|C_c| + k) over the entries of
  the correlation matrix C_c of the images of class c, Σ_c |s_c| for up to 100 classes. For more
  classes, s_c is divided by the number of images of c, and the score is Σ_c Σ_c' |s_c − s_c'|
  divided by the number of classes in the mini-batch, without classes of one image, as in the
  authors' code.

A row without variance (the output does not depend on the image) has no correlations; both scores
are then NaN.
"""

from typing import Any

import torch

from naswot.errors import NaswotError
from naswot.scores.base import Options, are_classes
from naswot.scores.inputs import float_tensors
from naswot.scores.passes import TrainPass

K = 1e-5
# With more classes, EPE-NAS compares classes with one another.
MANY_CLASSES = 100
NO_CLASSES = "labels are not one class for each image"


def jacobians(train_pass: TrainPass) -> torch.Tensor:
    """Return J (B, units) of the first output, in float64.

    Raises:
        NaswotError: the network returns no output with one row per image.
    """
    images = float_tensors(train_pass.images)
    if not train_pass.logits.requires_grad:
        gradients = tuple(map(torch.zeros_like, images))
    else:
        with torch.enable_grad():
            outputs = train_pass.logits.sum()
        gradients = torch.autograd.grad(outputs, images, retain_graph=True, materialize_grads=True)
    rows = [gradient.reshape(len(gradient), -1).double() for gradient in gradients]
    return torch.cat(rows, 1)


def correlations(rows: torch.Tensor) -> torch.Tensor:
    """Return the correlation matrix (n, n) of `rows` (n, units)."""
    return torch.corrcoef(rows).reshape(len(rows), len(rows))


def jacob_cov(jacobian: torch.Tensor) -> float:
    """Return jacob_cov of `jacobian` (B, units)."""
    matrix = correlations(jacobian)
    if not matrix.isfinite().all():
        return torch.nan
    # Exact eigenvalues are not negative, and rounding errors are far smaller than K.
    shifted = torch.linalg.eigvalsh(matrix) + K
    return -(shifted.log() + 1 / shifted).sum().item()


def epe_nas(jacobian: torch.Tensor, labels: torch.Tensor, classes: int) -> float:
    """Return epe_nas of `jacobian` (B, units) with `labels` (B,), out of `classes`."""
    many = classes > MANY_CLASSES
    sums = []
    for label in labels.unique():
        rows = jacobian[labels == label]
        if many and len(rows) == 1:
            continue
        total = (correlations(rows).abs() + K).log().sum()
        sums.append(total / len(rows) if many else total)
    if not sums:
        return 0.0
    found = torch.stack(sums)
    if many:
        return ((found[:, None] - found[None, :]).abs().sum() / len(found)).item()
    return found.abs().sum().item()


def compute(train_pass: TrainPass, options: Options) -> dict[str, Any]:
    """Return the scores of the family and a note."""
    if len(train_pass.images) < 2:
        raise NaswotError("jacob_cov and epe_nas compare images; one image is not enough.")
    found = jacobians(train_pass)
    labels, classes = train_pass.labels, train_pass.classes
    known = are_classes(labels, classes)
    return {
        "jacob_cov": jacob_cov(found),
        "epe_nas": epe_nas(found, labels, classes) if known else torch.nan,
        "note": {} if known else {"epe_nas": NO_CLASSES},
    }
