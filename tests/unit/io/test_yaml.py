"""YAML means what its writer means."""

import pytest

from naswot.io.yaml import parse_yaml


@pytest.mark.parametrize("text", ["1e-3", "5E-4", "1e3", "1.5e3", "-2e+1", "+.5", ".5e1", "3.e2"])
def test_what_float_takes_is_a_number(text):
    found = parse_yaml(f"p: {text}")["p"]
    assert type(found) is float
    assert found == float(text)


@pytest.mark.parametrize("text", ["nan", "inf", "infinity", "1_0e3", "e3", "1e", "1e3x", "."])
def test_other_words_are_texts(text):
    assert parse_yaml(text) == text


@pytest.mark.parametrize("text", ["'1e-3'", '"1e-3"'])
def test_what_is_quoted_is_a_text(text):
    assert parse_yaml(text) == "1e-3"


def test_what_yaml_knows_stays():
    assert parse_yaml("[7, 0.5, true, null, .inf, 2024]") == [
        7,
        0.5,
        True,
        None,
        float("inf"),
        2024,
    ]
