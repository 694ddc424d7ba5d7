"""Follow widths through a network by numbers that tell where they come from.

A layer that makes channels has a scale factor. While the network is analysed, its number of
channels is the original one times a prime number of its own. So the size of a dimension, wherever
it appears, is the original size times that prime, whatever happened in between: a flattened map,
half of the channels, the channels of an attention head. Sums, which concatenation makes, are
remembered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

FIRST = 10_007  # the smallest prime that is used; sizes below are not scaled


@dataclass(frozen=True)
class Size:
    """A size: `fixed` + Σ units · scale factor.

    Attributes:
        fixed: the part that does not vary.
        parts: (number of a scale factor, units), sorted; the units are the original size.
    """

    fixed: int
    parts: tuple[tuple[int, int], ...] = ()

    @property
    def original(self) -> int:
        """The size in the original network."""
        return self.fixed + sum(units for _, units in self.parts)

    def times(self, number: int) -> "Size":
        """Return the size `number` times as large."""
        return Size(self.fixed * number, tuple((of, n * number) for of, n in self.parts))

    def over(self, number: int) -> "Size | None":
        """Return this size divided by `number`; None if that is no whole number."""
        if self.fixed % number or any(units % number for _, units in self.parts):
            return None
        return Size(self.fixed // number, tuple((of, n // number) for of, n in self.parts))

    def at(self, widths: Mapping[int, tuple[int, int]]) -> int:
        """Return the size where scale factor → (width, original width); 1 for others."""
        found = self.fixed
        for of, units in self.parts:
            width, original = widths.get(of, (1, 1))
            found += units * width // original
        return found


class Scales:
    """The scale factors, which of them are the same, and which are 1.

    Attributes:
        names: what each scale factor belongs to, such as the name of a layer.
        widths: its original width.
        makes: whether it is the width of a layer's output, not of another parameter.
        changes: grows when factors are tied or fixed.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.widths: list[int] = []
        self.makes: list[bool] = []
        self.changes = 0
        self._number: dict[object, int] = {}
        self._parent: list[int] = []
        self._fixed: dict[int, str] = {}  # root → reason
        self._primes: list[int] = []
        self._next = primes()
        self._sums: dict[int, Size] = {}
        self._read: dict[int, Size] = {}
        self._units: dict[int, set[int]] = {}

    def new(self, key: object, name: str, width: int, makes: bool) -> Size:
        """Return the size that belongs to `key`, which gets a scale factor the first time."""
        if key not in self._number:
            self._number[key] = len(self.names)
            self._parent.append(len(self.names))
            self._primes.append(next(self._next))
            self.names.append(name)
            self.widths.append(width)
            self.makes.append(makes)
        return self.resolved(Size(0, ((self._number[key], width),)))

    def root(self, number: int) -> int:
        """Return the scale factor that stands for all that are the same as this one."""
        while self._parent[number] != number:
            number = self._parent[number]
        return number

    def reason(self, number: int) -> str | None:
        """Return why the scale factor is 1; None if it varies."""
        return self._fixed.get(self.root(number))

    def resolved(self, size: Size) -> Size:
        """Return `size` in terms of the factors that stand for others and vary."""
        if not size.parts:
            return size
        fixed, parts = size.fixed, dict[int, int]()
        for number, units in size.parts:
            root = self.root(number)
            if root in self._fixed:
                fixed += units
            else:
                parts[root] = parts.get(root, 0) + units
        return Size(fixed, tuple(sorted(parts.items())))

    def value(self, size: Size) -> int:
        """Return the number that stands for `size` during the analysis."""
        size = self.resolved(size)
        return size.fixed + sum(units * self._primes[of] for of, units in size.parts)

    def read(self, number: int) -> Size | None:
        """Return the size that `number` stands for; None if that cannot be told."""
        if number < FIRST:
            return Size(number)
        size = self._read.get(number) or self._decoded(number)
        if size is None:
            return None
        self._read[number] = size
        return self.resolved(size)

    def _decoded(self, number: int) -> Size | None:
        if number in self._sums:
            return self._sums[number]
        owners = [of for of, prime in enumerate(self._primes) if number % prime == 0]
        if len(owners) == 1:
            units = number // self._primes[owners[0]]
            return Size(0, ((owners[0], units),)) if units % self._primes[owners[0]] else None
        if not owners:
            for total, size in self._sums.items():
                ratio = Fraction(number, total)
                if ratio.numerator < FIRST and ratio.denominator < 100:
                    return size.times(ratio.numerator).over(ratio.denominator)
        return None

    def factors(self, number: int) -> set[int]:
        """Return the factors that vary and that `number` may depend on."""
        size = self.read(number)
        if size is None:
            found = {of for of, prime in enumerate(self._primes) if number % prime == 0}
            return {root for root in map(self.root, found) if root not in self._fixed}
        return {of for of, _ in size.parts}

    def remember_sum(self, sizes: Iterable[Size]) -> None:
        """Note the size of a concatenation."""
        fixed, parts = 0, dict[int, int]()
        for size in sizes:
            fixed += size.fixed
            for of, units in size.parts:
                parts[of] = parts.get(of, 0) + units
        total = Size(fixed, tuple(sorted(parts.items())))
        if len(total.parts) + bool(fixed) > 1:
            self._sums[self.value(total)] = total

    def note(self, size: Size) -> None:
        """Note that `size` has to be a whole number."""
        for of, units in size.parts:
            self._units.setdefault(of, set()).add(units)

    def tie(self, numbers: Iterable[int]) -> None:
        """Make all of `numbers` the same scale factor."""
        roots = sorted({self.root(number) for number in numbers})
        for root in roots[1:]:
            self._parent[root] = roots[0]
            self.changes += 1
            if root in self._fixed:
                self._fixed.setdefault(roots[0], self._fixed[root])

    def fix(self, numbers: Iterable[int], reason: str) -> None:
        """Make all of `numbers` 1."""
        for root in {self.root(number) for number in numbers}:
            if root not in self._fixed:
                self._fixed[root] = reason
                self.changes += 1

    def equate(self, one: Size, other: Size, reason: str) -> None:
        """Make two sizes the same; fix their factors, with `reason`, if nothing else helps."""
        one, other = self.resolved(one), self.resolved(other)
        if one == other:
            return
        numbers = [of for size in (one, other) for of, _ in size.parts]
        if one.fixed == other.fixed:
            self.tie(numbers)
        else:
            self.fix(numbers, reason)

    def members(self) -> dict[int, list[int]]:
        """Return the scale factors that vary: the one that stands for others → all of them."""
        found: dict[int, list[int]] = {}
        for number in range(len(self.names)):
            root = self.root(number)
            if root not in self._fixed:
                found.setdefault(root, []).append(number)
        return found

    def divisor(self, members: Iterable[int], width: int) -> int:
        """Return what a width in the place of `width` has to be a multiple of.

        Then all sizes that depend on the same scale factor are whole numbers.
        """
        found = 1
        for number in members:
            for units in self._units.get(number, ()):
                found = lcm(found, width // gcd(width, units))
        return found


def primes() -> Iterator[int]:
    """Yield the primes from `FIRST` on."""
    number = FIRST
    while True:
        if all(number % odd for odd in range(3, int(number**0.5) + 1, 2)):
            yield number
        number += 2
