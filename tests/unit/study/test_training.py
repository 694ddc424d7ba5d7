"""The best networks of a search are trained briefly, and the search says what that shows."""

import numpy as np
import pandas as pd
import pytest
from searches import problem_of, search

from naswot.errors import NaswotError
from naswot.images.labelled import divide
from naswot.spaces.choice_spaces import choice_space
from naswot.study.results import finish
from naswot.study.training import agreement, labelled, train_best


def test_the_best_are_trained_and_their_accuracies_are_kept(tmp_path):
    problem = problem_of()
    _, records = search(problem, tmp_path / "study", networks=4)
    space = choice_space(problem.source.space)
    results = finish(problem, records, space, 2)
    images = divide("digits", None, 8, 0, train_images=200, valid_images=100)
    about = (space, images, "digits", 1, False)
    trained = train_best(tmp_path, problem, results.best, results.fitness(results.best), *about)
    assert list(trained["network"]) == list(results.best)
    assert trained["valid_accuracy"].between(0, 100).all()
    assert all((tmp_path / folder / "weights.pt").exists() for folder in trained["folder"])
    written = pd.read_csv(tmp_path / "trained.csv", keep_default_na=False)
    assert list(written["test_accuracy"]) == pytest.approx(list(trained["test_accuracy"]))
    # In another order, none of them is trained again.
    order = results.best[::-1]
    again = train_best(tmp_path, problem, order, results.fitness(order), *about)
    assert list(again["seconds"]) == list(trained["seconds"])[::-1]


def table(scores, accuracies):
    return pd.DataFrame(
        {
            "place": np.arange(len(scores)) + 1,
            "score": scores,
            "valid_accuracy": accuracies,
            "test_accuracy": accuracies,
        }
    )


def test_it_says_which_network_holds_up_and_how_far_the_orders_agree():
    text = agreement(table([3.0, 2.0, 1.0], [50.0, 70.0, 40.0]), 5, "photos")
    assert text.startswith("Validation accuracy after 5 epochs on photos: best-1 50.0 %, ")
    assert "best-2 holds up best, with 70.0 % of the test images" in text
    assert "2 of 3 pairs in the same order" in text
    failed = agreement(table([2.0, 1.0], [np.nan, 60.0]), 1, "photos")
    assert "best-2 holds up best" in failed
    assert "pairs" not in failed


def test_images_without_labels_or_of_other_classes_are_refused(tmp_path):
    with pytest.raises(NaswotError, match="'photos' have no labels to train on"):
        labelled("photos", None, problem_of())
    folder = tmp_path / "flat"
    folder.mkdir()
    with pytest.raises(NaswotError, match="flat"):
        labelled("folder", folder, problem_of())
