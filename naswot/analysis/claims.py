"""Record the paper's claims about its figures, and for each a verdict with the measured number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from naswot.errors import NaswotError
from naswot.io.atomic import replacing

COLUMNS = ("figure", "claim", "verdict", "found")


@dataclass(frozen=True)
class Claim:
    """One claim and its verdict.

    Attributes:
        claim: the paper's statement in our words: a clause that can follow "The paper says that".
        confirmed: whether the measurement confirms it; None if it cannot decide.
        found: the measured number, with its unit, interval and n: a clause without full stop.
    """

    claim: str
    confirmed: bool | None
    found: str

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        return {True: "confirmed", False: "not confirmed", None: "undecided"}[self.confirmed]


def write_claims(path: str | Path, figure: str, claims: Sequence[Claim]) -> None:
    """Write the claims of a figure (such as "figure5") as CSV, one row per claim."""
    rows = [(figure, claim.claim, claim.verdict, claim.found) for claim in claims]
    with replacing(path) as temporary:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(temporary, index=False)


def collect_claims(paths: Sequence[str | Path], output: str | Path) -> None:
    """Write claims.csv: the claims of several figures, in the order of `paths`.

    Raises:
        NaswotError: a file is missing or was not written by `write_claims`.
    """
    frames = [pd.DataFrame(columns=list(COLUMNS))]
    for path in paths:
        try:
            frames.append(pd.read_csv(path, dtype=str)[list(COLUMNS)])
        except (OSError, ValueError, KeyError) as error:
            raise NaswotError(
                f"{path} holds no claims ({error}); delete it and run again."
            ) from error
    with replacing(output) as temporary:
        pd.concat(frames, ignore_index=True).to_csv(temporary, index=False)
