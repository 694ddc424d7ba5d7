"""Run the pages of docs/tutorials, and renew or check the output that they show.

    python tools/tutorials.py [PAGE …]            # renews the output in place
    python tools/tutorials.py --check [PAGE …]    # fails if a block fails or prints something else

A page runs from top to bottom in one new folder. `sh` blocks are run by bash, and `python` blocks
share their names; a block marked `file=NAME` is saved under this name instead. The `text` block
after it shows what it printed. Words must be equal, and numbers within 1 % or 0.01. These may
differ: numbers before " s" or " ms", or right-aligned below a heading `…seconds` or `…latency`; in
a block `text varies`, all words with a digit. Lines of progress are left out.
"""

import argparse
import contextlib
import io
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"^```(?P<kind>python|sh|\w+ file=(?P<file>\S+))\n(?P<code>.*?)^```\n"
    r"(?:\n```text(?P<varies> varies)?\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
PROGRESS = re.compile(r"^ *\d+ %: .*\n|^.* a second, .* left\n", re.MULTILINE)


def words(text: str, varies: bool) -> list[str]:
    """Return the words of an output, with # for those that may differ."""
    found, columns = [], set()
    for line in text.splitlines():
        for word in re.finditer(r"\S+", line):
            if word[0].endswith(("seconds", "latency")):
                columns.add(word.end())
            free = varies or word.end() in columns or re.match(r" m?s\b", line[word.end() :])
            found.append("#" if free and re.search(r"\d", word[0]) else word[0])
    return found


def agree(shown: str, printed: str) -> bool:
    """Return whether two words are equal, or numbers that are nearly equal."""
    with contextlib.suppress(ValueError):
        one, other = (float(word.strip("(),[]%").replace(",", "")) for word in (shown, printed))
        return shown == printed or math.isclose(one, other, rel_tol=0.01, abs_tol=0.01)
    return shown == printed


def run(page: Path) -> tuple[str, list[str]]:
    """Run a page in the current folder; return it with its output, and what it shows wrongly."""
    text, names, wrong = page.read_text(encoding="utf-8"), {"__name__": "__main__"}, []

    def renewed(block: re.Match) -> str:
        line, printed = text.count("\n", 0, block.start()) + 1, io.StringIO()
        if block["file"]:
            Path(block["file"]).write_text(block["code"], encoding="utf-8")
        elif block["kind"] == "python":
            code = compile("\n" * line + block["code"], page, "exec")  # errors name its lines
            with contextlib.redirect_stdout(printed):
                exec(code, names)  # noqa: S102  (our own pages)
        else:
            bash = ["bash", "-e", "-o", "pipefail", "-c", block["code"]]
            done = subprocess.run(bash, stdout=-1, stderr=subprocess.STDOUT, text=True, check=False)
            printed.write(done.stdout)
            if done.returncode:
                sys.exit(f"{page}:{line}: exit code {done.returncode}\n{done.stdout}")
        output = re.sub(r" +$", "", PROGRESS.sub("", printed.getvalue()), flags=re.MULTILINE)
        mark = block["varies"] or ""
        old, new = (words(one, bool(mark)) for one in (block["shown"] or "", output))
        if len(old) != len(new) or not all(map(agree, old, new)):
            wrong.append(f"{page}:{line}: this block does not print what the page shows:\n{output}")
        start = f"```{block['kind']}\n{block['code']}```\n"
        return start + (f"\n```text{mark}\n{output}```\n" if output else "")

    return BLOCK.sub(renewed, text), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the output differs")
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="(default: all)")
    options = parser.parse_args()
    pages = options.pages or sorted(ROOT.glob("docs/tutorials/*.md"))
    if len(pages) > 1:  # each in a process of its own, as for a reader
        again = [sys.executable, __file__, *(["--check"] if options.check else [])]
        sys.exit(max(subprocess.run([*again, page], check=False).returncode for page in pages))
    (page,) = (page.resolve() for page in pages)
    for name, first in (("PATH", Path(sys.executable).parent), ("PYTHONPATH", ROOT)):
        os.environ[name] = f"{first}:{os.environ.get(name, '')}"
    os.environ |= {"NASWOT": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        sys.path[:0] = [folder, str(ROOT)]
        text, wrong = run(page)
    if options.check:
        sys.exit("\n".join(wrong) or None)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
