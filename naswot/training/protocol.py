"""Define how networks are trained: SGD as in NAS-Bench-201, for a chosen number of epochs."""

import math
from dataclasses import dataclass

# Parts of the images on which accuracies are measured.
EVALUATED = ("valid", "test")
# Learning rate per image of a batch: that of NAS-Bench-201, 0.1 for batches of 256.
RATE_PER_IMAGE = 0.1 / 256
# The first epochs, with several evaluations each, for the left half of Figure 6.
ZOOMED_EPOCHS = 2


@dataclass(frozen=True)
class Protocol:
    """Settings of training by SGD with Nesterov momentum, cross entropy and a cosine schedule.

    NAS-Bench-201 (Dong & Yang, ICLR 2020, Table 1): 200 epochs with batches of 256 images, learning
    rate 0.1, momentum 0.9, weight decay 0.0005, flips and crops. Mellor et al. train 100 epochs and
    give no other settings.

    Attributes:
        epochs: number of passes over the training images.
        batch_size: images per step.
        learning_rate: at the first step; it falls to 0 along half a cosine, step by step.
        momentum, weight_decay: parameters of SGD.
        augment: whether images are flipped at random and shifted by up to an eighth of their side
            (4 of 32 pixels, 2 of 16), with a black border.
        precision: of the forward and backward pass, "float32" or "bfloat16" (autocast: the
            weights and the optimiser stay in float32).
        evaluations_per_epoch: number of evaluations in each of the first two epochs. Later epochs
            have one each, and one more comes before the first step.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    augment: bool = True
    precision: str = "float32"
    evaluations_per_epoch: int = 1

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps` in the whole training."""
        return self.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2

    def evaluations(self, steps: int) -> dict[int, float]:
        """Return steps done → epochs done at each evaluation of the network.

        `steps` is the number of steps in an epoch. If an epoch has fewer steps than evaluations,
        there is one evaluation after each step.
        """
        count = self.evaluations_per_epoch
        fractions = [number / count for number in range(count)]
        zoomed = [epoch + fraction for epoch in range(ZOOMED_EPOCHS) for fraction in fractions]
        at = {round(time * steps) for time in zoomed if time <= self.epochs}
        at |= {steps * epoch for epoch in range(self.epochs + 1)}
        return {step: step / steps for step in sorted(at)}
