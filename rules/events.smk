"""What is done around the jobs of a run: before the first, after the last, and when one fails."""

from naswot.workflow.faults import cures, settle_clock


def times():
    """Return when Tables 1 and 2 were written, of those that are there."""
    tables = [Path(f"results/table{number}.md") for number in (1, 2)]
    return {table: table.stat().st_mtime_ns for table in tables if table.exists()}


BEFORE = times()


onstart:
    settle_clock(Path("results").rglob("*"))


onsuccess:
    for table, written in times().items():
        if written != BEFORE.get(table):
            print(f"\n{table.read_text(encoding='utf-8')}")


onerror:
    for line in cures(Path(log).read_text(encoding="utf-8", errors="replace")):
        print(line, file=sys.stderr)
