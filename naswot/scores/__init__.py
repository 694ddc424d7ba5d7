"""Scores of untrained networks. They take any `torch.nn.Module` and a mini-batch.

Scores that one pass over a network gives together are a family: one file here and one entry in
`FAMILIES`. Nothing in this file imports torch, so that planning a run stays cheap.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

# What a score may need: the images' values, labels, rectifiers, an output a class, a derivative of
# the output, a feature map that is pooled or flattened. The shape of an image is always there.
NEEDS = ("images", "labels", "ReLUs", "logits", "gradient", "second derivative", "feature map")


@dataclass(frozen=True)
class Family:
    """Scores that are computed together.

    Attributes:
        name: of the family and of its file.
        scores: their names.
        needs: what its scores look at, of `NEEDS`; nothing else is asked of images and networks.
        labelled: those of the scores that look at labels as well.
        one_output: whether networks are built with one output, as the paper does, because it
            looks at none.
        options: whether it can be computed in more than one way, see `naswot.scores.base.Options`.
        lower_is_better: those of the scores that fall as networks get better.
        cost: seconds a network, of the seconds that the naswot score takes (docs/scores.md).
        shares: what it needs of a `naswot.scores.passes.TrainPass`, if it looks at no other pass:
            such families share one.
    """

    name: str
    scores: tuple[str, ...]
    needs: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()
    one_output: bool = False
    options: bool = False
    lower_is_better: tuple[str, ...] = ()
    cost: float = 1.0
    shares: tuple[str, ...] = ()

    @property
    def compute(self) -> Callable:
        """The function `compute(network, batch, options)` of the family's file.

        It takes the network over and returns score → value; what else it returns is carried
        along. If the family shares, it is `compute(seen, options)`, of a TrainPass.
        """
        return importlib.import_module(f"naswot.scores.{self.name}").compute  # noqa: TID251, ours

    @property
    def look(self) -> Callable:
        """The class `naswot.scores.passes.TrainPass`, which files of families that share import.

        Only those families depend on its code.
        """
        return importlib.import_module(f"naswot.scores.{self.name}").TrainPass  # noqa: TID251, ours


FAMILIES = {
    family.name: family
    for family in (
        Family("naswot", ("naswot",), needs=("images", "ReLUs"), one_output=True, options=True),
        Family(
            "gradients",
            ("grad_norm", "snip", "fisher", "plain"),
            needs=("images", "logits", "gradient"),
            labelled=("grad_norm", "snip", "fisher", "plain"),
            cost=3.1,
            shares=("outputs",),
        ),
        Family("weights", ("l2_norm",), cost=0.1),
        Family(
            "grasp",
            ("grasp",),
            needs=("images", "logits", "second derivative"),
            labelled=("grasp",),
            shares=("curvature",),
            cost=12.0,
        ),
        Family("synflow", ("synflow", "log_synflow"), needs=("gradient",), cost=0.3),
        Family(
            "jacobian",
            ("jacob_cov", "epe_nas"),
            needs=("images", "gradient"),
            labelled=("epe_nas",),
            shares=("images",),
            cost=2.3,
        ),
        Family("zen", ("zen",), needs=("feature map",), cost=0.8),
        Family(
            "zico",
            ("zico",),
            needs=("images", "logits", "gradient"),
            labelled=("zico",),
            cost=2.2,
        ),
        Family(
            "ntk",
            ("ntk_condition",),
            needs=("images", "gradient"),
            lower_is_better=("ntk_condition",),
            cost=5.8,
        ),
        Family("linear_regions", ("linear_regions",), needs=("images", "ReLUs"), cost=2.6),
        Family("nngp", ("nngp",), needs=("images",), labelled=("nngp",), cost=1.5),
        Family("size", ("params", "flops"), cost=0.8),
    )
}
LOWER_IS_BETTER = frozenset(s for family in FAMILIES.values() for s in family.lower_is_better)
# Score → name of its family.
FAMILY_OF = {score: name for name, family in FAMILIES.items() for score in family.scores}


def needs_of(score: str) -> tuple[str, ...]:
    """Return what `score` needs of a mini-batch and a network, in the order of `NEEDS`."""
    family = FAMILIES[FAMILY_OF[score]]
    needs = {*family.needs, *(("labels",) if score in family.labelled else ())}
    return tuple(need for need in NEEDS if need in needs)
