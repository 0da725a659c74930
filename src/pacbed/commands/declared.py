"""Options of a command, declared as the fields of dataclasses."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def declared(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take dataclasses of options.

    Parameters
    ----------
    command : callable
        Each of its parameters that is annotated with a dataclass becomes one option for
        each field; a field is annotated as Typer's parameters are, and named like the option.

    Returns
    -------
    callable
        What Typer is given: with the fields in place of their dataclasses.

    Raises
    ------
    TypeError
        If two options have one name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = groups.get(parameter.name)
        if group is None:
            parameters.append(
                parameter.replace(
                    annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY
                )
            )
        else:
            parameters += _options(group)
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__}: two options have one name among {names}")

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            mine = {entry.name: given.pop(entry.name) for entry in fields(group)}
            given[name] = group(**mine)
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            entry.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(entry),
            annotation=hints[entry.name],
        )
        for entry in fields(group)
    ]


def _default(entry: "Field[Any]") -> Any:
    return inspect.Parameter.empty if entry.default is MISSING else entry.default
