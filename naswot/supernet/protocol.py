"""Define how methods that share weights search: the published protocols, and a reduced one.

The published values are those of the authors' code next to the numbers of NAS-Bench-201
(github.com/D-X-Y/AutoDL-Projects, commit e76451c7, 2020-03-16: configs/nas-benchmark/algos,
scripts-search/algos, exps/algos).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from naswot.errors import NaswotError
from naswot.supernet import METHODS

PUBLISHED_IMAGES = 25_000  # a half of CIFAR-10
PUBLISHED_SIDE = 32  # pixels


@dataclass(frozen=True)
class Controller:
    """How ENAS trains its controller, after each epoch of the shared weights.

    Attributes:
        steps: updates an epoch.
        samples: architectures an update.
        learning_rate, beta2, epsilon: of Adam; its other beta is 0.
        entropy: weight of the entropy in the reward.
        baseline: share of a new reward in the baseline.
        clip: largest norm of the gradient.
    """

    steps: int = 50
    samples: int = 20
    learning_rate: float = 1e-3
    beta2: float = 0.999
    epsilon: float = 1e-3
    entropy: float = 1e-4
    baseline: float = 0.01
    clip: float = 5.0


@dataclass(frozen=True)
class Protocol:
    """Settings of one search.

    Attributes:
        channels, cells: of the first stage, and cells a stage. Who makes the space reads them.
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: at the first epoch; it falls to `last_rate` along half a cosine in `period`
            epochs (None: `epochs`), then rises and falls again.
        momentum, weight_decay: of SGD with Nesterov momentum.
        clip: largest norm of the gradient of weights and architecture together; None: any.
        running_statistics: of batch normalisation on edges, see `naswot.supernet.network`.
        architecture_rate, architecture_decay: learning rate and weight decay of Adam (betas .5 and
            .999) for the architecture parameters.
        candidates: architectures among which RSPS, SETN and ENAS choose.
        selection_images: validation images on which each of them is tried, and on which the
            controller of ENAS tries its draws.
        gates: GDAS: whether the gates of operations that are not drawn are added, as published.
        temperatures: GDAS: of the first and of the last epoch.
        controller: ENAS.
        augment: whether images are flipped and shifted.
        precision: of forward and backward passes, "float32" or "bfloat16".
    """

    epochs: int
    channels: int = 16
    cells: int = 5
    batch_size: int = 64
    learning_rate: float = 0.025
    last_rate: float = 0.001
    period: int | None = None
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip: float | None = 5.0
    running_statistics: bool = True
    architecture_rate: float = 3e-4
    architecture_decay: float = 1e-3
    candidates: int = 100
    selection_images: int = 512
    gates: bool = True
    temperatures: tuple[float, float] = (10.0, 0.1)
    controller: Controller = Controller()
    augment: bool = True
    precision: str = "float32"

    def rate(self, epoch: int) -> float:
        """Return the learning rate of the weights in epoch `epoch`, from 0."""
        share = (1 + math.cos(math.pi * epoch / (self.period or self.epochs))) / 2
        return self.last_rate + (self.learning_rate - self.last_rate) * share

    def temperature(self, epoch: int) -> float:
        """Return the temperature of GDAS in epoch `epoch`, from 0."""
        first, last = self.temperatures
        return first + (last - first) * epoch / max(1, self.epochs - 1)


PUBLISHED: Mapping[str, Protocol] = {
    "rsps": Protocol(epochs=250),
    "darts_v1": Protocol(epochs=50),
    "darts_v2": Protocol(epochs=50),
    "gdas": Protocol(epochs=250),
    "setn": Protocol(epochs=250, clip=None),
    "enas": Protocol(
        epochs=250,
        batch_size=128,
        learning_rate=0.05,
        last_rate=0.0005,
        period=10,
        weight_decay=2.5e-4,
        selection_images=128,
    ),
}

# Setting → the methods that use it; the others are for all.
PARAMETRISED = frozenset({"darts_v1", "darts_v2", "gdas", "setn"})
USERS: Mapping[str, Collection[str]] = {
    "running_statistics": frozenset({"rsps", "setn", "enas"}),
    "architecture_rate": PARAMETRISED,
    "architecture_decay": PARAMETRISED,
    "candidates": frozenset({"rsps", "setn", "enas"}),
    "selection_images": frozenset({"rsps", "setn", "enas"}),
    "gates": frozenset({"gdas"}),
    "temperatures": frozenset({"gdas"}),
    "controller": frozenset({"enas"}),
}

# Epochs that fit ten minutes of one core with 43 steps each, at 16 channels, one cell a stage and
# 16×16 pixels.
REDUCED_EPOCHS = {
    "rsps": 250, "gdas": 200, "setn": 100, "darts_v1": 60, "darts_v2": 25, "enas": 200,
}  # fmt: skip


def planned(method: str, kind: str, changes: Mapping[str, Any], images: int) -> Protocol:
    """Return the protocol of a search.

    A reduced one has one cell a stage, fewer epochs, and for ENAS fewer draws. Adam moves an
    architecture parameter by at most its learning rate a step, so that rate grows as the number of
    steps falls, unless it is set: the parameters can travel as far as in the published search. The
    weights' rates stay.

    Args:
        method: a key of `naswot.supernet.METHODS`.
        kind: "published" or "reduced".
        changes: other values of some fields; of `controller`, a mapping.
        images: number of images that train weights.

    Raises:
        NaswotError: there is no such field.
    """
    published = PUBLISHED[method]
    if kind == "published":
        return changed(published, changes)
    smaller = replace(published, epochs=REDUCED_EPOCHS[method], cells=1)
    if method == "enas":
        smaller = replace(smaller, controller=replace(smaller.controller, steps=10, samples=5))
    plan = changed(smaller, changes)
    if "architecture_rate" in changes:
        return plan
    share = _steps(plan, images) / _steps(published, PUBLISHED_IMAGES)
    return replace(plan, architecture_rate=published.architecture_rate / min(1.0, share))


def _steps(protocol: Protocol, images: int) -> int:
    return protocol.epochs * -(-images // protocol.batch_size)


def changed(protocol: Protocol, changes: Mapping[str, Any]) -> Protocol:
    """Return `protocol` with other values of some fields.

    Raises:
        NaswotError: there is no such field.
    """
    values = dict(changes)
    if isinstance(values.get("controller"), Mapping):
        values["controller"] = _replaced(protocol.controller, values["controller"])
    if "temperatures" in values:
        values["temperatures"] = tuple(values["temperatures"])
    return _replaced(protocol, values)


def _replaced(settings: Any, values: Mapping[str, Any]) -> Any:
    known = [field.name for field in fields(settings)]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise NaswotError(
            f"{unknown[0]!r} is not a setting of a search; there are {', '.join(known)}."
        )
    return replace(settings, **values)


def differences(method: str, protocol: Protocol) -> list[str]:
    """List in words what `protocol` does otherwise than the published search of `method`."""
    before, now = (_flat(asdict(one)) for one in (PUBLISHED[method], protocol))
    return [
        f"{name} = {_shown(now[name])} instead of {_shown(before[name])}"
        for name in now
        if now[name] != before[name] and method in USERS.get(name.partition(".")[0], METHODS)
    ]


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    controller = settings["controller"]
    own = {name: value for name, value in settings.items() if name != "controller"}
    return own | {f"controller.{name}": value for name, value in controller.items()}


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
