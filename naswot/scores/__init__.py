"""Scores of untrained networks, for any `torch.nn.Module` and a mini-batch.

Scores that are computed together are a family: a module in this package and an entry in `FAMILIES`.
This file does not import torch, so that planning a run takes little time.
"""

import importlib
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

# What a score may need: the values of the images, images of floating point (to differentiate by, or
# to replace), labels, ReLUs or activations of any kind, one output per class, a gradient or second
# derivative of the output, a feature map that is pooled or flattened. Every score knows the shape
# of the images.
NEEDS = (
    "images", "float inputs", "labels", "ReLUs", "activations", "logits", "gradient",
    "second derivative", "feature map",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Family:
    """Scores that are computed together.

    Attributes:
        name: of the family and of its module.
        summaries: score → one line about it, which `naswot scores` prints.
        needs: what the scores need of images and networks, out of `NEEDS`.
        labelled: the scores that need labels too.
        one_output: whether networks are built with one output, as in the paper, because the family
            needs no output per class.
        options: whether `naswot.scores.base.Options` apply.
        lower_is_better: the scores that are lower for better networks.
        relative_cost: time per network, naswot = 1 (docs/reference/scores.md).
        pass_needs: what the family needs of a `naswot.scores.passes.TrainPass`. Families that use
            no other pass share one.
        plans: whether `compute` may take a `naswot.scores.plan.Plan` as the network.
        function: a user's own score function; None for a module of this package.
    """

    name: str
    summaries: Mapping[str, str]
    needs: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()
    one_output: bool = False
    options: bool = False
    lower_is_better: tuple[str, ...] = ()
    relative_cost: float = 1.0
    pass_needs: tuple[str, ...] = ()
    plans: bool = False
    function: Callable | None = None

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the scores."""
        return tuple(self.summaries)

    @property
    def compute(self) -> Callable:
        """The function `compute(network, batch, options)` of the family's module.

        It may change the network. It returns score → value, and keywords of `Score`. A `note` is a
        text about all its scores, or a dict score → text. For a family with `pass_needs` it is
        `compute(train_pass, options)`.
        """
        if self.function is not None:
            run = importlib.import_module("naswot.scores.custom").run  # noqa: TID251, ours
            return partial(run, self)
        return self._module.compute

    def get_ready(self, batch: Any, options: Any) -> None:
        """Load or compile what `compute` needs, so that it is not timed with the first network."""
        if self.function is None:
            getattr(self._module, "get_ready", lambda *_: None)(batch, options)

    def takes_plans(self, options: Any, device: Any) -> bool:
        """Return whether `compute` takes plans with these `Options` on this device."""
        return self.plans and self._module.takes_plans(options, device)

    @property
    def pass_class(self) -> Callable:
        """The class `naswot.scores.passes.TrainPass`, from the module of a family that uses it.

        Other families do not depend on its code.
        """
        return self._module.TrainPass

    @property
    def _module(self) -> Any:
        return importlib.import_module(f"naswot.scores.{self.name}")  # noqa: TID251, ours


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "naswot",
            {"naswot": "how different the ReLU codes are: ln |det K_H| (Mellor et al. 2021)"},
            needs=("images", "ReLUs"),
            one_output=True,
            options=True,
            plans=True,
        ),
        Family(
            "gradients",
            {
                "grad_norm": "norm of the loss's gradient (Abdelfattah et al. 2021)",
                "snip": "sum of |weight × gradient| (Lee et al. 2019)",
                "fisher": "sum of squared activation × gradient (Turner et al. 2020)",
                "plain": "sum of weight × gradient (Abdelfattah et al. 2021)",
            },
            needs=("images", "logits", "gradient"),
            labelled=("grad_norm", "snip", "fisher", "plain"),
            relative_cost=3.1,
            pass_needs=("outputs",),
        ),
        Family("weights", {"l2_norm": "norm of the weights"}, relative_cost=0.1),
        Family(
            "grasp",
            {"grasp": "gradient flow that the weights keep (Wang et al. 2020)"},
            needs=("images", "logits", "second derivative"),
            labelled=("grasp",),
            relative_cost=12.0,
            pass_needs=("curvature",),
        ),
        Family(
            "synflow",
            {
                "synflow": "product of |weights| along all paths (Tanaka et al. 2020)",
                "log_synflow": "natural logarithm of synflow",
            },
            needs=("float inputs", "gradient"),
            relative_cost=0.3,
        ),
        Family(
            "jacobian",
            {
                "jacob_cov": "how uncorrelated the images' Jacobians are (Mellor et al. 2020)",
                "epe_nas": "how the Jacobians correlate within classes (Lopes et al. 2021)",
            },
            needs=("images", "float inputs", "gradient"),
            labelled=("epe_nas",),
            relative_cost=2.3,
            pass_needs=("images",),
        ),
        Family(
            "zen",
            {"zen": "how far features move with the input (Lin et al. 2021)"},
            needs=("float inputs", "feature map"),
            relative_cost=0.8,
        ),
        Family(
            "zico",
            {"zico": "large gradients that vary little (Li et al. 2023)"},
            needs=("images", "logits", "gradient"),
            labelled=("zico",),
            relative_cost=2.2,
        ),
        Family(
            "ntk",
            {"ntk_condition": "condition number of the neural tangent kernel (Chen et al. 2021)"},
            needs=("images", "gradient"),
            lower_is_better=("ntk_condition",),
            relative_cost=5.8,
        ),
        Family(
            "linear_regions",
            {"linear_regions": "how finely the ReLUs cut the inputs (Chen et al. 2021)"},
            needs=("images", "float inputs", "ReLUs"),
            relative_cost=2.6,
        ),
        Family(
            "nngp",
            {"nngp": "fit of the neural network Gaussian process (Park et al. 2020)"},
            needs=("images",),
            labelled=("nngp",),
            relative_cost=1.5,
        ),
        Family(
            "az_nas",
            {
                "az_expressivity": "how many directions features spread to (Lee and Ham 2024)",
                "az_progressivity": "how much that grows from block to block (Lee and Ham 2024)",
                "az_trainability": "how evenly blocks pass gradients on (Lee and Ham 2024)",
            },
            needs=("float inputs", "gradient"),
            relative_cost=1.8,
        ),
        Family(
            "swap",
            {
                "swap": "distinct sign patterns of units over 16 images (Peng et al. 2024)",
                "swap_regularised": "swap times a wish for a size (Peng et al. 2024)",
            },
            needs=("images", "activations"),
            relative_cost=1.9,
        ),
        Family(
            "near",
            {"near": "effective ranks of layer outputs (Husistein et al. 2025)"},
            needs=("images",),
            relative_cost=2.7,
        ),
        Family(
            "curved_codes",
            {"activation_codes": "naswot with the sign codes of any activation"},
            needs=("images", "activations"),
            one_output=True,
            relative_cost=1.7,
        ),
        Family(
            "vkdnw",
            {
                "vkdnw": "parameter tensors + vkdnw_entropy (Týbl and Neumann 2025)",
                "vkdnw_entropy": "entropy of the Fisher spectrum (Týbl and Neumann 2025)",
            },
            needs=("float inputs", "logits", "gradient"),
            relative_cost=4.6,
        ),
        Family(
            "gradsign",
            {"gradsign": "how far images agree on gradients' signs (Zhang and Jia 2022)"},
            needs=("images", "logits", "gradient"),
            labelled=("gradsign",),
            relative_cost=2.2,
        ),
        Family(
            "wrcor",
            {"wrcor": "how uncorrelated images are at the ReLUs (Jing et al. 2025)"},
            needs=("images", "float inputs", "ReLUs", "gradient"),
            relative_cost=2.5,
        ),
        Family(
            "meco",
            {"meco": "how independent channels are in the features (Jiang et al. 2023)"},
            needs=("float inputs",),
            relative_cost=0.5,
        ),
        Family(
            "size",
            {
                "params": "trainable parameters",
                "flops": "floating-point operations for one image",
                "memory": "peak bytes of the activations for one image",
            },
            relative_cost=0.4,
        ),
    )
}


@dataclass(frozen=True)
class Aggregate:
    """Several scores that are put together by the ranks that they give to the same networks.

    Attributes:
        scores: its members, names of scores of a family.
        by: a key of `naswot.scores.aggregates.RULES`.
        summary: one line about it, which `naswot scores` prints.
    """

    scores: tuple[str, ...]
    by: str
    summary: str = ""


AGGREGATES = {
    "vote": Aggregate(
        ("synflow", "jacob_cov", "snip"),
        "vote",
        "networks that most of synflow, jacob_cov and snip put below (Abdelfattah et al. 2021)",
    ),
    "ensemble": Aggregate(
        ("az_expressivity", "az_trainability", "jacob_cov", "log_synflow", "meco"),
        "log-rank",
        "sum of the log-ranks of five scores, for spaces of cells (docs/reference/scores.md)",
    ),
    "ensemble_sizes": Aggregate(
        ("az_expressivity", "log_synflow", "params"),
        "log-rank",
        "the same of three, where networks differ in sizes alone (docs/reference/scores.md)",
    ),
}
LOWER_IS_BETTER = frozenset(s for family in FAMILIES.values() for s in family.lower_is_better)
# Score → name of its family
FAMILY_OF = {score: name for name, family in FAMILIES.items() for score in family.scores}


def points_down(about: Mapping[str, Any]) -> bool:
    """Return whether the score of a table, given its metadata, is lower for better networks."""
    return about.get("score") in LOWER_IS_BETTER or bool(about.get("lower_is_better"))


def members_of(names: Iterable[str], aggregates: Mapping[str, Aggregate] = AGGREGATES) -> list[str]:
    """Return the scores among `names`, each once, with the members of aggregates in their place."""
    members = (aggregates[name].scores if name in aggregates else (name,) for name in names)
    return list(dict.fromkeys(itertools.chain(*members)))
