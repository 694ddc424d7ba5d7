"""How networks are trained: stochastic gradient descent as in NAS-Bench-201, lengths to choose."""

import math
from dataclasses import dataclass

# The parts of the images that accuracies are measured on.
EVALUATED = ("valid", "test")
# In so many epochs the score is looked at several times, for the left half of Figure 6.
ZOOMED_EPOCHS = 2


@dataclass(frozen=True)
class Protocol:
    """A training by SGD with Nesterov momentum, cross entropy and a cosine learning rate.

    NAS-Bench-201 (Dong & Yang, ICLR 2020, Table 1): 200 epochs of batches of 256, learning rate
    0.1, momentum 0.9, weight decay 0.0005, flips and crops. Mellor et al. train 100 epochs and
    say no more.

    Attributes:
        epochs: how often each image is seen.
        batch_size: images a step.
        learning_rate: at the first step; it falls to 0 along half a cosine, step by step.
        momentum, weight_decay: of SGD.
        augment: whether images are flipped at random and shifted by up to an eighth of their side
            (4 of 32 pixels, 2 of 16), with black where nothing is.
        precision: of the forward and backward pass, "float32" or "bfloat16" (autocast: the
            weights and the optimiser stay in float32).
        evaluations_per_epoch: looks at the network in each of the first two epochs; then there is
            one an epoch. One more comes before the first step.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    augment: bool
    precision: str
    evaluations_per_epoch: int

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step`, from 0, of `steps` in the whole training."""
        return self.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2

    def looks(self, steps: int) -> dict[int, float]:
        """Return steps done → epochs done, wherever the network is looked at.

        `steps` is the number of steps in an epoch; where it has fewer than there are looks, each
        step is followed by one.
        """
        first = self.evaluations_per_epoch
        fractions = [look / first for look in range(first)]
        zoomed = [epoch + one for epoch in range(ZOOMED_EPOCHS) for one in fractions]
        at = {round(time * steps) for time in zoomed if time <= self.epochs}
        at |= {steps * epoch for epoch in range(self.epochs + 1)}
        return {step: step / steps for step in sorted(at)}
