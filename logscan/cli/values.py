"""What is typed becomes what a command takes.

Typer converts every value with Pydantic, `None` and defaults too, and importing that takes nearly as long as Typer.
Where nothing is to be converted, or a text to a text or path, it is not asked.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args, get_type_hints


def lightly(params: Iterable[Any], callback: Callable[..., Any] | None) -> list[Any]:
    """These parameters of a command, which process their values here from now on."""
    hints = _hints(callback)
    for param in params:
        param.process_value = partial(_processed, param, kind_of(hints.get(param.name)))
    return list(params)


@cache
def _hints(callback: Callable[..., Any] | None) -> dict[str, Any]:
    return get_type_hints(callback)


def kind_of(hint: Any) -> Any:
    """Of `list[str] | None` str: what an option is, or what each of several is."""
    inner = next((one for one in get_args(hint) if one is not type(None)), None)
    return kind_of(inner) if inner else hint


def _processed(param: Any, kind: Any, ctx: Any, value: Any) -> Any:
    """As Typer does it; see `Parameter.process_value` of Click."""
    many = param.multiple or param.nargs == -1
    if value is None and not param.required:
        value = () if many else None
    elif many and value and kind is str and all(isinstance(one, str) for one in value):
        value = list(value)
    elif not many and kind in (str, Path) and isinstance(value, str):
        value = kind(value)
    elif value is None or value is not param.default:
        return type(param).process_value(param, ctx, value)
    return param.callback(ctx, param, value) if param.callback else value
