"""YAML, configurations, architectures and answers of servers that are made to mislead."""

import http.server
import threading

import hostile
import pytest
from fuzz import ALL
from fuzz.harness import attempt

from naswot.errors import NaswotError
from naswot.io.https import Transfer
from naswot.io.yaml import LARGEST_BYTES, parse_yaml
from naswot.spaces import SPACES
from naswot.spaces.nds import from_record


def levels(first: str, form: str, count: int = 40) -> str:
    """Return YAML in which each anchor names the one before it more than once."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {form.format(f'*a{i - 1}')}" for i in range(1, count)]
    return "\n".join(lines)


BOMBS = {
    "a billion laughs": levels("[ha]", "[{0}, {0}, {0}]"),
    "a mapping merged into itself": levels("{k: 1}", "{{<<: [{0}, {0}, {0}]}}"),
    "a list in itself": "a: &a [*a]",
    "a mapping in itself": "&a {a: *a}",
    "lists in lists": "[" * 50_000,
    "mappings in mappings": "{a: " * 50_000,
    "blocks in blocks": "- " * 50_000,
    "aliases": "- &a [x]\n" + "- *a\n" * 1001,
    "a date of no month": "2001-99-99",
    "a number of thousands of digits": "9" * 5000,
    "a number without digits": "!!int ''",
    "a time of no time": "!!timestamp x",
    "a truth that is none": "!!bool x",
    "code": "!!python/object/apply:os.system [touch pwned]",
    "a key that is a list": "? [a]\n: b",
    "nothing that is text": "\x00\x01",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["list", "draw_config", "sources"])
def test_yaml_that_misleads_is_refused(name, bomb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = hostile.complaint_of(name, BOMBS[bomb].encode(), tmp_path)
    assert f"{ALL[name].file} is not readable as YAML: " in told
    assert not (tmp_path / "pwned").exists()


def test_yaml_of_more_than_a_megabyte_is_not_read(tmp_path):
    content = b"# " + b"x" * LARGEST_BYTES
    assert "has more than 1,048,576 bytes" in hostile.complaint_of("list", content, tmp_path)


def test_aliases_and_merges_within_reason_are_read():
    text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nagain: [*b, *b]"
    assert parse_yaml(text)["mine"] == {"x": 1, "y": 3}
    assert parse_yaml(text)["again"] == [{"x": 1, "y": 2}] * 2


@pytest.mark.parametrize("bomb", ["a billion laughs", "a list in itself", "a mapping in itself"])
def test_a_configuration_whose_aliases_multiply_is_refused(bomb, tmp_path):
    told = hostile.complaint_of("config", BOMBS[bomb].encode(), tmp_path)
    assert "configuration: its YAML aliases form a cycle or expand without bound" in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: 5", "training = 5"),
        ("image_size: 16.0", "image_size = 16.0"),
        ("seed: 1.0e+3", "seed = 1000.0"),
        ("batch_size: .inf", "batch_size = inf"),
        ("seed: 99999999999999999999999999", "seed = "),
        (f"image_folder: '{'9' * 5000}'\nn_runs: '{'9' * 5000}'", "n_runs"),
        (f"n_runs: [{'x' * 10_000}]", "n_runs"),
        ("mirror: '~nobody-has-this-name/data'", "mirror"),
        ('mirror: "a\\0b"', "mirror"),
        (f"mirror: {'x' * 5000}", "mirror"),
        ("1: 2", "1 is not a known key"),
        ("custom_spaces: {1: {networks: nasbench201}}", "custom_spaces"),
        ('custom_spaces: {mine: {networks: "a\\0b", train: 5}}', "custom_spaces.mine.networks"),
        (
            f"custom_spaces: {{mine: {{networks: {'x' * 5000}, train: 5}}}}",
            "custom_spaces.mine.networks",
        ),
        (
            "custom_spaces: {mine: {networks: ~nobody-has-this/x.py, train: 5}}",
            "custom_spaces.mine",
        ),
    ],
)
def test_a_configuration_of_odd_values_is_named_by_its_key(text, message, tmp_path):
    error = attempt(ALL["config"], text.encode(), tmp_path)
    assert message in str(error)
    assert len(str(error)) < 6000


def test_a_learning_rate_has_to_be_finite(tmp_path):
    import yaml
    from fuzz.text_targets import ROOT

    training = yaml.safe_load((ROOT / "config/config.yaml").read_text())["training"]
    for value in (float("nan"), float("inf")):
        text = yaml.safe_dump({"training": training | {"learning_rate": value}})
        error = attempt(ALL["config"], text.encode(), tmp_path)
        assert "training.learning_rate = " in str(error)


@pytest.mark.parametrize(
    "custom",
    ["5", "{1: {networks: a}}", "{m: {networks: 5}}", "{m: {networks: nasbench201, train: true}}"],
)
def test_custom_spaces_of_another_form_are_named(custom, tmp_path):
    error = attempt(ALL["draw_config"], f"custom_spaces: {custom}".encode(), tmp_path)
    assert "mine.yaml" in str(error)


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "[1]"])
def test_a_seed_of_another_form_is_named(seed, tmp_path):
    text = f"custom_spaces: {{m: {{networks: nasbench201, train: 5}}}}\nseed: {seed}"
    assert "mine.yaml: seed is" in str(attempt(ALL["draw_config"], text.encode(), tmp_path))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"matrix":' * 100_000, "9" * 5000, "\ud800", ""])
def test_a_text_that_is_no_architecture_is_refused_by_every_space(text):
    for name in ("nasbench101", "nasbench201", "natsbench_sss", "nds_darts", "nds_resnet"):
        with pytest.raises(NaswotError) as caught:
            SPACES[name].canonical(text)
        assert len(str(caught.value)) < 1000


def test_a_record_of_nds_that_nests_too_deep_is_refused():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    net = {"width": 1, "depth": 1, "aux": False, "drop_prob": 0, "genotype": deep}
    with pytest.raises(NaswotError, match="is not an NDS record"):
        from_record("nds_darts", net)


@pytest.mark.parametrize("length", ["²", "9" * 5000, "1e3", ""])
def test_a_length_that_is_no_number_is_as_good_as_none(length, tmp_path):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        transfer = Transfer(
            f"http://127.0.0.1:{server.server_port}/a", tmp_path / "a.part", None, 5
        )
        transfer.run(0)
        thread.join()
    assert transfer.part.read_bytes() == b"content"
