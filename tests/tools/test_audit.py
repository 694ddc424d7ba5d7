"""What `make audit` says: silence of the database is not taken for good news."""

import json

import audit
import pytest

PINS = "Jinja2==3.1.2\ntorch==2.13.0\n"
FLAW = {"id": "PYSEC-2024-1", "fix_versions": ["3.1.3"], "aliases": [], "description": "…"}
JINJA = {"name": "jinja2", "version": "3.1.2", "vulns": []}
TORCH = {"name": "torch", "version": "2.13.0", "vulns": []}
# As pip-audit 2.10.1 prints it where PyPI's reports are out of reach; its exit code is then 0.
SKIPPED = {
    "name": "torch",
    "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.13.0)",
}


def report(*packages) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("printed", "code", "message"),
    [
        (report(JINJA, TORCH), audit.CLEAN, "None of the 2 installed packages has a known"),
        (report(JINJA, SKIPPED), audit.UNKNOWN, "for 1 of 2 packages (torch): nothing is known"),
        (report(JINJA), audit.UNKNOWN, "for 1 of 2 packages (torch)"),
        (report(), audit.UNKNOWN, "for 2 of 2 packages (jinja2, torch)"),
        ("", audit.UNKNOWN, "for 2 of 2 packages"),
        ("[]", audit.UNKNOWN, "for 2 of 2 packages"),
    ],
)
def test_only_an_answer_about_every_package_is_good_news(printed, code, message):
    found, text = audit.verdict(printed, PINS)
    assert (found, message in text) == (code, True), text


def test_a_vulnerability_counts_even_if_others_are_unknown():
    code, text = audit.verdict(report(JINJA | {"vulns": [FLAW]}, SKIPPED), PINS)
    assert code == audit.VULNERABLE
    assert text.startswith("jinja2 3.1.2: PYSEC-2024-1, mended in 3.1.3\n")
    assert "for 1 of 2 packages (torch)" in text


def test_packages_are_told_by_any_spelling_of_their_names():
    named = {"name": "typing-extensions", "version": "4.0", "vulns": []}
    assert audit.verdict(report(named), "Typing_extensions==4.0\n")[0] == audit.CLEAN


def test_local_builds_are_looked_up_as_what_they_are_built_from():
    assert audit.public("torch==2.13.0+cpu\nnumpy==2.4.6\n") == "torch==2.13.0\nnumpy==2.4.6\n"
