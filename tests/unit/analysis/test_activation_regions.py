"""Linear regions are those that the codes of many random inputs show, and nothing is missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naswot.analysis import figure2
from naswot.analysis.activation_regions import Network, crossed, cut, hamming, square

SIZES = st.sampled_from([(2, 1), (2, 6), (2, 5, 4), (2, 3, 3), (2, 4, 3, 3)])
NETWORKS = st.builds(Network.drawn, st.integers(0, 10_000), SIZES)


def inside(region, points):
    """Return which points lie on the left of all sides of a region's polygon, or on them."""
    sides = np.roll(region.polygon, -1, axis=0) - region.polygon
    away = points[:, None] - region.polygon
    return (sides[:, 0] * away[..., 1] - sides[:, 1] * away[..., 0] > -1e-9).all(axis=1)


@settings(deadline=None, max_examples=40)
@given(NETWORKS)
def test_every_input_lies_in_the_one_region_of_its_code(network):
    regions, _ = cut(network, square())
    by_code = {region.code: region for region in regions}
    assert len(by_code) == len(regions)
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    codes = network.codes(points)
    found = {tuple(code) for code in codes.tolist()}
    assert found <= set(by_code)
    for code in found:
        own = (codes == code).all(axis=1)
        assert inside(by_code[code], points[own]).all()


@settings(deadline=None, max_examples=40)
@given(NETWORKS)
def test_regions_fill_the_square_and_have_their_code_in_the_middle(network):
    regions, _ = cut(network, square(2.0))
    assert sum(region.area for region in regions) == pytest.approx(16, abs=1e-9)
    middles = np.array([region.centroid for region in regions])
    large = np.array([region.area > 1e-6 for region in regions])
    expected = np.array([region.code for region in regions])
    assert (network.codes(middles)[large] == expected[large]).all()
    # Along an outline, a convex polygon always turns the same way.
    for region in np.array(regions, dtype=object)[large]:
        steps = np.diff(np.vstack([region.polygon, region.polygon[:2]]), axis=0)
        turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
        assert (turns > -1e-9).all()


def test_lines_in_general_position_cut_as_euler_counts():
    """Three lines that meet pairwise within the square make 1 + 3 + 3 regions."""
    weights = np.array([[1.0, 0.1], [0.1, 1.0], [1.0, 1.0]])
    network = Network((weights,), (np.array([0.0, 0.0, -0.3]),))
    regions, boundaries = cut(network, square())
    assert len(regions) == 7
    assert {(one.layer, one.unit) for one in boundaries} == {(0, 0), (0, 1), (0, 2)}


@settings(deadline=None, max_examples=40)
@given(NETWORKS)
def test_boundaries_are_where_their_unit_is_zero(network):
    _, boundaries = cut(network, square())
    first = np.cumsum([0, *map(len, network.biases)])
    for one in boundaries:
        middle = one.ends.mean(axis=0, keepdims=True)
        value = network.before_relus(np.vstack([one.ends, middle]))
        assert abs(value[:, first[one.layer] + one.unit]).max() < 1e-9


def test_a_unit_that_never_changes_cuts_nothing():
    network = Network((np.array([[1.0, 0.0]]),), (np.array([3.0]),))
    regions, boundaries = cut(network, square())
    assert [region.code for region in regions] == [(True,)]
    assert boundaries == []


@settings(deadline=None, max_examples=60)
@given(NETWORKS, st.integers(0, 1000))
def test_a_way_crosses_the_hamming_distance_or_an_even_number_more(network, seed):
    ends = np.random.default_rng(seed).uniform(-1, 1, (2, 2))
    ways, apart = crossed(network, *ends), hamming(network.codes(ends))[0, 1]
    assert ways >= apart
    assert (ways - apart) % 2 == 0


@pytest.mark.parametrize("seed", range(12))
def test_crossings_are_those_that_small_steps_meet(seed):
    network = Network.drawn(seed, (2, 6, 5, 4))
    start, end = np.random.default_rng([seed, 7]).uniform(-2, 2, (2, 2))
    steps = start + np.linspace(0, 1, 100_001)[:, None] * (end - start)
    codes = network.codes(steps)
    assert crossed(network, start, end) == (codes[1:] != codes[:-1]).sum()


# --- Figure 2 ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of Figure 2's tables, and its claims counted over 20 networks."""
    folder = tmp_path_factory.mktemp("figure2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure2, "NETWORKS", 20)
        figure2.find_linear_regions(folder, folder / "claims.csv")
    return folder


def test_the_marked_inputs_are_two_alike_one_near_and_one_far(made):
    inputs = pd.read_csv(made / "inputs.csv", dtype={"code": str}).set_index("input")
    codes = inputs["code"]
    assert codes["A"] == codes["B"]
    for one in "ABCD":
        assert codes[one] in set(pd.read_csv(made / "regions.csv", dtype={"code": str})["code"])
        for other in "ABCD":
            apart = sum(a != b for a, b in zip(codes[one], codes[other], strict=True))
            assert inputs.at[one, other] == 9 - apart
    assert inputs.at["A", "C"] == 8
    assert inputs.at["A", "D"] < 8


def test_equal_codes_make_the_kernel_singular(made):
    log_det = pd.read_csv(made / "kernels.csv").set_index("inputs")["log_det"]
    kernel = pd.read_csv(made / "inputs.csv").set_index("input")[list("ACD")].loc[list("ACD")]
    assert log_det["ABCD"] == -np.inf
    assert log_det["ACD"] == pytest.approx(np.log(np.linalg.det(kernel)))


def test_claims_come_with_numbers(made):
    claims = pd.read_csv(made / "claims.csv", dtype=str)
    assert list(claims["verdict"]) == ["confirmed", "confirmed", "undecided"]
    assert claims["found"].str.startswith("20 random networks of 9 units").all()
    regions = pd.read_csv(made / "regions.csv", dtype={"code": str})["code"].nunique()
    assert f"{regions} in the one that is drawn" in claims["found"][0]


def test_the_probability_of_one_code_is_that_of_random_pairs(made):
    found = float(
        pd.read_csv(made / "claims.csv", dtype=str)["found"][2].split("probability ")[1][:5]
    )
    starts, ends = np.random.default_rng(5).uniform(-1, 1, (2, 20_000, 2))
    alike = []
    for seed in range(20):
        network = Network.drawn(seed)
        alike.append((network.codes(starts) == network.codes(ends)).all(axis=1).mean())
    assert found == pytest.approx(np.mean(alike), abs=0.004)


def test_a_network_that_bends_within_a_code_refutes_the_claim(monkeypatch):
    monkeypatch.setattr(figure2, "NETWORKS", 3)
    monkeypatch.setattr(Network, "outputs", lambda self, points: points**2)
    assert figure2.judge(1, 9)[0].confirmed is False


def test_the_figure_shows_codes_and_kernel(made, drawn):
    tables = {name: made / f"{name}.csv" for name in ("regions", "boundaries", "inputs", "kernels")}
    found = drawn("figure2", tables)
    areas = pd.read_csv(tables["regions"], dtype={"code": str}).groupby("code")["area"].first()
    assert set(areas.index[areas > 0.12]) <= {text.replace("\n", "") for text in found}
    assert sum(areas > 0.12) >= 8
    assert "(b) $K_H$ = 9 − Hamming distance" in found
    assert any("−∞" in text for text in found)
