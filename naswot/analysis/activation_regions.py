"""Compute the linear regions of a small ReLU network in the plane exactly (Section 3, Figure 2).

A square is cut along the line where a unit of the first layer changes its sign, unit by unit. In
each piece the second layer is an affine map of the input, so each of its units again cuts the piece
along a line, and so on. The result is one convex polygon per code. (The score `linear_regions` for
large networks is different: `naswot.scores.linear_regions` counts codes along lines.)
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AREA = 1e-12  # smaller pieces are rounding errors


@dataclass(frozen=True)
class Network:
    """A ReLU network: `weights[l]` (units, inputs) and `biases[l]` (units,) of each layer."""

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @classmethod
    def drawn(cls, seed: int, sizes: Sequence[int] = (2, 5, 4)) -> "Network":
        """Return a random network of `sizes` (inputs, then units of each layer).

        Weights and biases are uniform in ±1/√inputs, as PyTorch initialises linear layers.
        """
        generator = np.random.default_rng(seed)
        weights, biases = [], []
        for inputs, units in itertools.pairwise(sizes):
            bound = inputs**-0.5
            weights.append(generator.uniform(-bound, bound, (units, inputs)))
            biases.append(generator.uniform(-bound, bound, units))
        return cls(tuple(weights), tuple(biases))

    @property
    def units(self) -> int:
        """N_A, the number of ReLU units."""
        return sum(map(len, self.biases))

    def before_relus(self, points: np.ndarray) -> np.ndarray:
        """Return the pre-activations of all layers at `points` (n, inputs), as (n, N_A)."""
        values, found = points, []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            values = values @ weight.T + bias
            found.append(values)
            values = np.maximum(values, 0)
        return np.concatenate(found, axis=1)

    def outputs(self, points: np.ndarray) -> np.ndarray:
        """Return the outputs of the last ReLUs at `points` (n, inputs), as (n, units)."""
        return np.maximum(self.before_relus(points)[:, -len(self.biases[-1]) :], 0)

    def codes(self, points: np.ndarray) -> np.ndarray:
        """Return the binary codes of `points` (n, inputs), as booleans (n, N_A)."""
        return self.before_relus(points) > 0


@dataclass(frozen=True)
class Region:
    """The inputs of one code: a convex polygon, its vertices (n, 2) in order."""

    code: tuple[bool, ...]
    polygon: np.ndarray

    @property
    def area(self) -> float:
        """Return the area (the shoelace formula)."""
        return abs(self._shoelaces().sum()) / 2

    @property
    def centroid(self) -> np.ndarray:
        """Return the centre of gravity (2,)."""
        laces = self._shoelaces()
        middles = self.polygon + np.roll(self.polygon, -1, axis=0)
        return laces @ middles / (3 * laces.sum())

    def _shoelaces(self) -> np.ndarray:
        x, y = self.polygon.T
        return x * np.roll(y, -1) - y * np.roll(x, -1)


@dataclass(frozen=True)
class Boundary:
    """A segment, with `ends` (2, 2), along which a unit changes its sign."""

    layer: int
    unit: int
    ends: np.ndarray


def square(half: float = 1.0) -> np.ndarray:
    """Return the corners of the square of all points with coordinates from −`half` to `half`."""
    return half * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def cut(network: Network, polygon: np.ndarray) -> tuple[list[Region], list[Boundary]]:
    """Return the linear regions of `network` in a convex `polygon` (n, 2), and their boundaries.

    Regions smaller than `AREA` are left out.
    """
    # Each piece: its code so far, its polygon, and the affine map from inputs to the layer's input.
    pieces: list[tuple] = [((), polygon, np.eye(2), np.zeros(2))]
    boundaries: list[Boundary] = []
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        result = []
        for code, whole, matrix, offset in pieces:
            slopes, heights = weight @ matrix, weight @ offset + bias
            parts: list[tuple[tuple[bool, ...], np.ndarray]] = [((), whole)]
            for unit, (slope, height) in enumerate(zip(slopes, heights, strict=True)):
                split = []
                for signs, part in parts:
                    positive, negative, ends = _halves(part, part @ slope + height)
                    if ends is not None:
                        boundaries.append(Boundary(layer, unit, ends))
                    sides = ((True, positive), (False, negative))
                    split += [((*signs, sign), side) for sign, side in sides if side is not None]
                parts = split
            for signs, part in parts:
                active = np.array(signs)
                result.append(((*code, *signs), part, slopes * active[:, None], heights * active))
        pieces = result
    return [Region(code, part) for code, part, _, _ in pieces], boundaries


def _halves(
    polygon: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return the parts of a polygon where a linear function is positive and where it is not.

    Args:
        polygon: vertices (n, 2) of a convex polygon.
        values: values of the function at the vertices (n,).

    Returns:
        The two parts and the ends of the cut between them; None for each that does not exist.
    """
    sides: dict[bool, list] = {True: [], False: []}
    ends = []
    for i, (here, value) in enumerate(zip(polygon, values, strict=True)):
        there, other = polygon[(i + 1) % len(polygon)], values[(i + 1) % len(polygon)]
        sides[value > 0].append(here)
        if (value > 0) != (other > 0):
            end = here + (there - here) * value / (value - other)
            ends.append(end)
            sides[True].append(end)
            sides[False].append(end)
    parts = {sign: np.array(side) for sign, side in sides.items()}
    whole = {sign: len(part) > 2 and Region((), part).area > AREA for sign, part in parts.items()}
    if not all(whole.values()):  # the whole polygon is on one side
        positive = whole[True]
        return (polygon, None, None) if positive else (None, polygon, None)
    return parts[True], parts[False], np.array(ends)


def hamming(codes: np.ndarray) -> np.ndarray:
    """Return the Hamming distances (n, n) between binary `codes` (n, N_A)."""
    return (codes[:, None] != codes[None]).sum(axis=2)


def crossed(network: Network, start: np.ndarray, end: np.ndarray) -> int:
    """Return the exact number of unit boundaries that the segment from `start` to `end` crosses.

    It is at least the Hamming distance of the two codes, and larger if a unit of a later layer
    changes its sign and changes back.
    """
    times = np.array([0.0, 1.0])  # between these, the input of a layer is linear
    total, first = 0, 0
    for bias in network.biases:
        points = start + times[:, None] * (end - start)
        values = network.before_relus(points)[:, first : first + len(bias)]
        first += len(bias)
        before, after = values[:-1], values[1:]
        changes, units = np.nonzero((before > 0) != (after > 0))
        total += len(changes)
        low, high = before[changes, units], after[changes, units]
        shares = low / (low - high)
        times = np.sort(
            np.concatenate([times, times[changes] + shares * (times[changes + 1] - times[changes])])
        )
    return total
