"""Check what a user's Python file says of its space: each message names file, fault and cure."""

import difflib
import inspect
import keyword
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from naswot.errors import SpaceError, shown
from naswot.spaces.choices import Value

PLAIN = (bool, int, float, str)
CLASSES = "classes"
EXAMPLE = 'choices = {"depth": [2, 3, 4], "width": [16, 32]}'
WHEN = 'when = {"kernel_2": {"depth": [3, 4]}}'


def checked_choices(path: Path, choices: Any) -> dict[str, tuple[Value, ...]]:
    """Return the options of each choice, in order.

    Raises:
        SpaceError: `choices` of the file is missing or malformed.
    """
    if choices is None:
        raise SpaceError(f"{path} has no choices. Add a dictionary such as {EXAMPLE}.")
    if not isinstance(choices, dict) or not choices:
        raise SpaceError(f"{path}: choices is {shown(choices)}. Write a dictionary, as {EXAMPLE}.")
    for name in choices:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(
                f"{path}: the choice {shown(name)} cannot be a parameter of build. Give it a name "
                "of letters, digits and _."
            )
        if name == CLASSES:
            raise SpaceError(
                f"{path}: {CLASSES!r} cannot be a choice, for build gets the number of classes by "
                "this name. Rename the choice."
            )
    return {name: _options(path, f"choices[{name!r}]", choices[name]) for name in choices}


def checked_when(
    path: Path, when: Any, choices: Mapping[str, tuple[Value, ...]]
) -> dict[str, dict[str, tuple[Value, ...]]]:
    """Return the conditions of each choice that has any.

    Raises:
        SpaceError: `when` of the file is malformed.
    """
    if not isinstance(when, dict):
        raise SpaceError(f"{path}: when is {shown(when)}. Write a dictionary, such as {WHEN}.")
    order = list(choices)
    checked: dict[str, dict[str, tuple[Value, ...]]] = {}
    for name, conditions in when.items():
        place = f"when[{name!r}]"
        _known(path, name, choices, "when")
        if not isinstance(conditions, dict) or not conditions:
            raise SpaceError(
                f"{path}: {place} is {shown(conditions)}. Write a dictionary from earlier choices "
                f"to their options, such as {WHEN}."
            )
        checked[name] = {}
        for earlier, options in conditions.items():
            _known(path, earlier, choices, place)
            if order.index(earlier) >= order.index(name):
                raise SpaceError(
                    f"{path}: {place} asks for {earlier!r}, which does not come before {name!r} in "
                    "choices. Put it first there; a choice can only depend on earlier ones."
                )
            inside = f"{place}[{earlier!r}]"
            for option in _options(path, inside, options):
                if not any(type(option) is type(one) and option == one for one in choices[earlier]):
                    raise SpaceError(
                        f"{path}: {inside} has {shown(option)}, which is not an option of "
                        f"{earlier!r}. Choose from {list(choices[earlier])}."
                    )
            checked[name][earlier] = tuple(options)
    return checked


def checked_build(
    path: Path, build: Any, choices: Mapping[str, Any], when: Mapping[str, Any]
) -> tuple[Callable[..., Any], bool]:
    """Return the function `build` and whether it takes the number of classes.

    Raises:
        SpaceError: it is missing, or cannot be called with the choices.
    """
    call = f"build({', '.join(choices)})"
    if not callable(build):
        fault = "has no function build" if build is None else f"has a build that is {shown(build)}"
        raise SpaceError(
            f"{path} {fault}. Define {call}, which returns an untrained torch.nn.Module."
        )
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):
        raise SpaceError(f"{path}: build does not tell its parameters. Define {call}.") from None
    by_name = {each.name: each for each in parameters if each.kind in _BY_NAME}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
    for name in choices:
        if name not in by_name and not takes_any:
            close = difflib.get_close_matches(name, by_name, n=1)
            hint = f" It has {close[0]!r}." if close else ""
            raise SpaceError(
                f"{path}: build has no parameter {name!r}, which is a choice.{hint} Add the "
                "parameter, or remove the choice."
            )
        if name in when and name in by_name and by_name[name].default is inspect.Parameter.empty:
            raise SpaceError(
                f"{path}: the parameter {name!r} of build needs a default, for when[{name!r}] "
                "says that the choice is not always made."
            )
    for each in parameters:
        optional = each.default is not each.empty or each.kind in _VARIADIC
        if not optional and not (each.name in by_name and each.name in {*choices, CLASSES}):
            raise SpaceError(
                f"{path}: the parameter {each.name!r} of build is not a choice and has no default. "
                "Give it a default, add it to choices, or remove it."
            )
    return build, CLASSES in by_name or takes_any


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _options(path: Path, place: str, options: Any) -> tuple[Value, ...]:
    if not isinstance(options, list | tuple | range) or not len(options):
        raise SpaceError(
            f"{path}: {place} is {shown(options)}. Write a list of at least one number, text, True "
            "or False."
        )
    for i, option in enumerate(options):
        if type(option) not in PLAIN or (type(option) is float and not math.isfinite(option)):
            raise SpaceError(
                f"{path}: {place} has {shown(option)} ({type(option).__name__}). Options are plain "
                "finite numbers, texts, True and False."
            )
        if option in options[:i]:
            raise SpaceError(
                f"{path}: {place} has {shown(option)} twice (1, 1.0 and True are equal). Remove "
                "one of them."
            )
    return tuple(options)


def _known(path: Path, name: Any, choices: Mapping[str, Any], place: str) -> None:
    if name not in choices:
        close = difflib.get_close_matches(str(name), choices, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SpaceError(
            f"{path}: {place} names {shown(name)}, which is not a choice.{hint} The choices are "
            f"{', '.join(choices)}."
        )
