"""The tutorials show what they print; tools/tutorials.py notices when they do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted(ROOT.glob("docs/tutorials/*.md"))
PAGE = """Save this:

```python file=mine.py
VALUE = 0.5
```

```python
import mine
```

```python
print("seconds  value  NaN")
print(f"    1.2  {mine.VALUE}  NaN")
```

```sh
echo "took 3 s"; cat mine.py
```

```text varies
took 30 s
VALUE = 7
```
"""


def tool(*arguments):
    command = [sys.executable, ROOT / "tools/tutorials.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="the blocks `sh` need bash")
@pytest.mark.parametrize("page", TUTORIALS, ids=[page.stem for page in TUTORIALS])
def test_a_tutorial_prints_what_it_shows(page):
    done = tool("--check", page)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def page(tmp_path):
    """Return a page with the output that its blocks have."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert tool(page).returncode == 0
    return page


def test_output_is_renewed_in_place(page):
    text = page.read_text()
    assert "\n```text\nseconds  value  NaN\n    1.2  0.5  NaN\n```\n\n```sh\n" in text
    assert text.endswith("```text varies\ntook 3 s\nVALUE = 0.5\n```\n")
    assert "import mine\n```\n\n```python\n" in text  # a block that prints nothing shows nothing
    assert tool(page).returncode == 0
    assert page.read_text() == text


@pytest.mark.parametrize(
    ("old", "new", "agrees"),
    [
        ("    1.2  0.5", "   17.2  0.502", True),  # seconds, and less than 1 %
        ("1.2  0.5", "1.2  0.6", False),
        ("seconds  value", "seconds  score", False),
        ("took 3 s", "took 4.5 s", True),
        ("VALUE = 0.5", "VALUE = 9", True),  # in a block that varies
        ("took 3 s", "needed 3 s", False),
        ("\n```text\nseconds  value  NaN\n    1.2  0.5  NaN\n```\n", "", False),
    ],
)
def test_a_check_fails_if_words_or_numbers_differ(page, old, new, agrees):
    before, _, after = page.read_text().rpartition(old)
    edited = before + new + after
    page.write_text(edited)
    done = tool("--check", page)
    assert (done.returncode == 0) == agrees, done.stderr
    assert agrees or "this block does not print what the page shows" in done.stderr
    assert page.read_text() == edited


@pytest.mark.parametrize("block", ["```python\n1 / 0\n```\n", "```sh\nfalse | cat\n```\n"])
def test_a_block_that_fails_is_named(page, block):
    broken = page.read_text() + "\n" + block
    page.write_text(broken)
    for options in ([], ["--check"]):
        done = tool(*options, page)
        assert done.returncode == 1
        line = broken.count("\n", 0, broken.index(block)) + 1
        assert f"{page}:{line}" in done.stderr or f'"{page}", line {line + 1}' in done.stderr
        assert page.read_text() == broken
