"""The one exception that a user is meant to read."""


class NaswotError(Exception):
    """A mistake in the input or its surroundings that the user can mend.

    The message names the file, the key or the architecture concerned and says what to do.
    Scripts print it alone, without a traceback, and exit with a non-zero code.
    """
