"""The one exception that a user is meant to read, and how it quotes what was found."""

import reprlib


def shown(value: object) -> str:
    """Return `value` as a message quotes it: its beginning, whatever it is and holds."""
    try:
        quoted = _QUOTE.repr(value)
    except (RecursionError, ValueError):  # a number of thousands of digits cannot be written
        return f"a {type(value).__name__}"
    return quoted if len(quoted) <= LONGEST else f"{quoted[:LONGEST]}…"


_QUOTE = reprlib.Repr()
_QUOTE.maxstring = _QUOTE.maxother = 120
LONGEST = 300


# The errors that reading a malformed record raises.
MALFORMED_RECORD_ERRORS = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class NaswotError(Exception):
    """A mistake in the input or its surroundings that the user can mend.

    The message names the file, the key or the architecture concerned and says what to do.
    Scripts print it alone, without a traceback, and exit with a non-zero code.
    """


class SpaceError(NaswotError):
    """A mistake that no network of a search space can be built with, rather than one of them."""
