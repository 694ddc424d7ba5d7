"""Log the progress of long work in lines for a screen or a log file."""

import logging
import time

log = logging.getLogger("naswot")

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Count finished items, and log every 10 s how many, how fast and how much time remains."""

    def __init__(self, label: str, total: int, unit: str):
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self.started = self._told = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count `count` more items as finished."""
        self.done += count
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES and self.done < self.total:
            self._told = now
            rate = self.done / (now - self.started)
            log.info(
                "%s: %d of %d %s, %.1f a second, %s left",
                self.label,
                self.done,
                self.total,
                self.unit,
                rate,
                duration((self.total - self.done) / rate),
            )


def duration(seconds: float) -> str:
    """Return a duration as text for readers: "50 s", "3 min", "2 h 05 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
