"""Scores of untrained networks. They take any `torch.nn.Module` and a mini-batch.

A family of scores is one file here and one line in `FAMILIES`.
"""

from naswot.scores import jacobian, linear_regions, naswot, nngp, ntk, size, zen, zico
from naswot.scores.base import Batch, Family, Options, Score, measure
from naswot.scores.naswot import score

FAMILIES: dict[str, Family] = {
    "naswot": naswot.FAMILY,
    "jacobian": jacobian.FAMILY,
    "zen": zen.FAMILY,
    "zico": zico.FAMILY,
    "ntk": ntk.FAMILY,
    "linear_regions": linear_regions.FAMILY,
    "nngp": nngp.FAMILY,
    "size": size.FAMILY,
}
SCORES = {"naswot": score}
# Score → name of its family.
FAMILY_OF = {name: family for family, about in FAMILIES.items() for name in about.scores}

__all__ = ["FAMILIES", "FAMILY_OF", "Batch", "Family", "Options", "Score", "measure", "score"]
