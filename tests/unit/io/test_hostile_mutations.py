"""Valid files of every format, damaged at random, and plain text in their place."""

import pytest
from fuzz import ALL
from fuzz.harness import attempt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = 60
BROKEN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
# An input that `make fuzz` finds is in tests/unit/test_hostile_*.py under a name of its own.
TARGETS = sorted(ALL)


@st.composite
def damaged(draw, seeds: list[bytes]) -> bytes:
    """Flip, cut, insert and repeat bytes of one of `seeds`."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(1, 24)))
        change = draw(st.sampled_from(("flip", "cut", "insert", "repeat")))
        if change == "flip" and start < len(content):
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del content[start:end]
        elif change == "insert":
            content[start:start] = draw(st.binary(min_size=1, max_size=8))
        else:
            content[start:start] = content[start:end] * draw(st.integers(1, 50))
    return bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("name", TARGETS)
def test_a_whole_file_is_read(name, folder):
    if name != "architecture":  # no text is an architecture of all spaces
        for seed in ALL[name].seeds():
            assert attempt(ALL[name], seed, folder) is None


@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_file_is_read_or_named(name, folder):
    target = ALL[name]
    seeds = target.seeds()

    @BROKEN
    @given(damaged(seeds))
    def broken(content):
        attempt(target, content, folder)

    broken()


@pytest.mark.parametrize("name", TARGETS)
def test_any_text_is_read_or_named(name, folder):
    @BROKEN
    @given(st.one_of(st.text(), st.text(alphabet="[]{}():,\"'0123456789.-+eENaInf\n&*<!~|#")))
    def broken(text):
        attempt(ALL[name], text.encode(errors="surrogatepass"), folder)

    broken()
