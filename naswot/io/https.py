"""Download one file over HTTPS: resume after interruptions, retry with growing waits.

requests does the transfer and tenacity the retries: both are well maintained, and Snakemake depends
on them anyway. Pooch, a library for downloads with checksums, restarts a file after an
interruption, which is too slow for files of gigabytes.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests  # noqa: TID251, downloads
import tenacity
from requests.adapters import HTTPAdapter  # noqa: TID251, as above
from urllib3.exceptions import HTTPError

from naswot.errors import NaswotError
from naswot.runtime.progress import Progress

log = logging.getLogger("naswot")

# At most this much is lost when a connection stalls.
CHUNK_BYTES = 2**16
MIB = 2**20
ATTEMPTS = 6
LONGEST_WAIT_S = 60.0

# HTTP status codes after which the same request may succeed later.
TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}

LOOPBACK = ("127.0.0.1", "::1")


class _InterruptedError(Exception):
    """An attempt failed, but another may succeed."""


class _Unencrypted(HTTPAdapter):
    """Allow http only if `url` and the request name this machine; refuse others, also redirects."""

    def __init__(self, url: str):
        super().__init__()
        self.at_home = urlsplit(url).hostname in LOOPBACK

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        if not (self.at_home and urlsplit(request.url).hostname in LOOPBACK):
            raise requests.exceptions.InvalidSchema(f"{request.url} is not encrypted (https)")
        return super().send(request, *args, **options)


@dataclass
class Transfer:
    """The transfer of one file, in up to `ATTEMPTS` attempts.

    Attributes:
        url: address of the file.
        part: the file to write; bytes that it already has are not requested again.
        size: bytes of the published file, or None.
        timeout_s: seconds without a byte after which an attempt fails.
        validator: the server's ETag or date of the version in `part`.
    """

    url: str
    part: Path
    size: int | None
    timeout_s: float
    validator: str | None = None

    def run(self, wait_s: float) -> None:
        """Complete `part`; wait `wait_s` seconds before the second attempt, then twice as long.

        Raises:
            NaswotError: the server does not have the file, or all attempts failed.
            OSError: `part` cannot be written.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_InterruptedError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=wait_s, max=LONGEST_WAIT_S),
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            retrying(self._attempt)
        except _InterruptedError as error:
            raise NaswotError(
                f"{self.url} could not be downloaded in {ATTEMPTS} attempts ({error}). Run again "
                "to resume, or put the file into the mirror."
            ) from error

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        log.warning("%s: %s; trying again", self.url, error)

    def _attempt(self) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        if have and have == self.size:
            return
        # Request the file itself, not a version that is compressed for the transfer.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        try:
            with requests.Session() as session:
                session.mount("http://", _Unencrypted(self.url))
                with session.get(
                    self.url, headers=headers, stream=True, timeout=self.timeout_s
                ) as answer:
                    self._receive(answer, have)
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise _InterruptedError(f"the connection failed: {error}") from error
        except requests.RequestException as error:
            raise NaswotError(
                f"{self.url} cannot be requested: {error}. Put the file into the mirror, or "
                "correct its url in config/sources.yaml."
            ) from error

    def _receive(self, answer: requests.Response, have: int) -> None:
        if answer.status_code in TRANSIENT_STATUS:
            raise _InterruptedError(f"the server answered {answer.status_code} {answer.reason}")
        if answer.status_code == 416 and have:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return  # nothing is missing
            self.part.unlink()
            raise _InterruptedError("the partial download is longer than the file")
        if answer.status_code not in (200, 206):
            raise NaswotError(
                f"{self.url} answered {answer.status_code} {answer.reason}. Put the file into the "
                "mirror, or correct its url in config/sources.yaml."
            )
        resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if answer.status_code == 206 and not resumed:
            self.part.unlink(missing_ok=True)
            raise _InterruptedError("the server did not send the requested range")
        start = have if answer.status_code == 206 else 0
        etag = answer.headers.get("ETag", "")
        weak = etag.startswith("W/")
        self.validator = answer.headers.get("Last-Modified") if weak or not etag else etag
        length = answer.headers.get("Content-Length", "")
        # A server may send other digits than 0–9, or more digits than Python converts.
        known = length.isdecimal() and len(length) < 20
        total = start + int(length) if known else None
        if self.size and total and total != self.size:
            self.part.unlink(missing_ok=True)
            raise NaswotError(
                f"{self.url} offers {total:,} bytes; the published file has {self.size:,}. Put the "
                "file into the mirror, or correct its url in config/sources.yaml."
            )
        self._write(answer, start, total)

    def _write(self, answer: requests.Response, start: int, total: int | None) -> None:
        progress = Progress(f"Fetching {self.url}", ((total or 0) - start) // MIB, "MiB")
        size = start
        with self.part.open("r+b" if start else "wb") as stream:
            stream.seek(start)
            for chunk in answer.raw.stream(CHUNK_BYTES, decode_content=False):
                stream.write(chunk)
                size += len(chunk)
                while (progress.done + 1) * MIB <= size - start:
                    progress.advance()
                if self.size and size > self.size:
                    break  # a later check reports the wrong size
        if total and size < total:
            raise _InterruptedError(f"the connection ended after {size:,} of {total:,} bytes")
