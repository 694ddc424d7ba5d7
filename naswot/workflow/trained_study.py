"""Say what the study of trained networks needs: its score, its protocol, its jobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.images.labelled import NATURAL
from naswot.scores import FAMILY_OF, Aggregate, members_of
from naswot.scores.custom import family_of, is_custom
from naswot.spaces.choice_spaces import choice_space
from naswot.training.protocol import RATE_PER_IMAGE

SECTION = "search_study_trained"
BATCH = 64  # images per training step, as for `naswot search --train-top`


def check(config: Mapping[str, Any], aggregates: Mapping[str, Aggregate]) -> None:
    """Check the section of a configuration whose form is right.

    Raises:
        NaswotError: there is no such space or score, or fewer networks are drawn than chosen.
    """
    about = config[SECTION]
    try:
        if not is_file(about["space"]):
            choice_space(about["space"])
        elif not Path(about["space"]).is_file():
            raise NaswotError(f"there is no file {shown(about['space'])}.")
    except NaswotError as error:
        raise NaswotError(f"configuration: {SECTION}.space: {error}") from error
    for member in members(config, aggregates):
        if member not in FAMILY_OF and not is_custom(member):
            raise NaswotError(
                f"configuration: {SECTION}.score: there is no score {shown(member)}; there are "
                f"{', '.join([*FAMILY_OF, *aggregates])}, and your own, MODULE:FUNCTION."
            )
    for key in ("random", "best"):
        if about[key] > about["drawn"]:
            raise NaswotError(
                f"configuration: {SECTION}.{key} = {about[key]} is not allowed; it must be at most "
                f"{SECTION}.drawn, {about['drawn']}."
            )


def is_file(space: str) -> bool:
    """Return whether the text that names a space is the path of a user's Python file."""
    return space.endswith(".py")


def members(config: Mapping[str, Any], aggregates: Mapping[str, Aggregate]) -> list[str]:
    """Return the score of the study, or the scores of its aggregate."""
    return members_of([config[SECTION]["score"]], aggregates)


def families(config: Mapping[str, Any], aggregates: Mapping[str, Aggregate]) -> list[str]:
    """Return the families of scores that the study computes."""
    found = (family_of(member).name for member in members(config, aggregates))
    return list(dict.fromkeys(found))


def jobs(config: Mapping[str, Any]) -> int:
    """Return how many networks are trained at most: each may be chosen in one way only."""
    about = config[SECTION]
    return min(about["drawn"], about["random"] + 2 * about["best"])


def protocol(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the networks are trained: fields of `naswot.training.protocol.Protocol`."""
    about = config[SECTION]
    return {
        "epochs": about["epochs"],
        "batch_size": BATCH,
        "learning_rate": RATE_PER_IMAGE * BATCH,
        "augment": about["images"] in NATURAL,
    }
