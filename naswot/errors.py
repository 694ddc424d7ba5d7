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


# What taking apart a record from elsewhere raises where it has not the form that it should have.
MISSHAPEN = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)


class NaswotError(Exception):
    """A mistake in the input or its surroundings that the user can mend.

    The message names the file, the key or the architecture concerned and says what to do.
    Scripts print it alone, without a traceback, and exit with a non-zero code.
    """


LONGEST_MESSAGE = 300  # characters of another library's message that are passed on


def in_one_line(error: BaseException) -> str:
    """Return the kind and the message of an error of somebody else's code, as a sentence."""
    text = " ".join(str(error).split())
    if len(text) > LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE].rstrip() + " …"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if line.endswith((".", "!", "?", "…")) else line + "."
