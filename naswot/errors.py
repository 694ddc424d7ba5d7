"""Exceptions with messages for the user, and a helper that quotes values in them."""

import reprlib


def shown(value: object) -> str:
    """Return `value`, of any type, as quoted in a message; long values are cut."""
    try:
        quoted = _QUOTE.repr(value)
    except (RecursionError, ValueError):  # Python does not print a number of thousands of digits
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
    """An error in the input or the environment that the user can fix.

    The message names the file, the key or the architecture concerned and says what to do.
    Scripts print it alone, without a traceback, and exit with a non-zero code.
    """


class SpaceError(NaswotError):
    """An error that affects every network of a search space, not a single one."""
