"""The page of the public names, docs/api.md, from their docstrings.

python docs/make_api.py           # writes the page
python docs/make_api.py --check   # says whether it is as the docstrings are
"""

import dataclasses
import importlib
import inspect
import logging
import re
from itertools import starmap
from pathlib import Path
from typing import Any

from griffe import Docstring
from made_page import write_or_check

PAGE = Path(__file__).with_name("api.md")
#: The public packages; each says its names in ``__all__``.
PUBLIC = ("pacbed", "pacbed.maps", "pacbed.stage", "pacbed.errors")
_HEAD = """# Public names

Made from the docstrings by `python docs/make_api.py`. What stands here stays as it is within a
minor version; every other module is private and may change at any time.
"""
#: Sections of a docstring whose entries are listed.
_TITLES = {
    "parameters": "Parameters",
    "attributes": "Attributes",
    "returns": "Returns",
    "yields": "Yields",
    "raises": "Raises",
}
#: A literal block: two colons, after words or on a line of their own.
_BLOCK = re.compile(r"(\S?)::\n\n((?: {4}.*\n?|\n)+)")
_ROLE = re.compile(r":\w+:`~?([^`]+)`")

#: Longer signatures are broken into lines.
_LONGEST = 100


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name in PUBLIC:
        module = importlib.import_module(name)
        parts.append(f"## {name}\n\n{_text(inspect.getdoc(module) or '')}")
        for public in module.__all__:
            if not public.startswith("__"):
                parts.append(entry(name, public, getattr(module, public)))
    text = "\n".join(part.rstrip() + "\n" for part in parts)
    return re.sub(r"\n{3,}", "\n\n", text)


def entry(package: str, name: str, thing: Any) -> str:
    """One public class or function."""
    lines = [f"### {package}.{name}", "", *_signature(name, thing), _docstring(thing)]
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for method, function in vars(thing).items():
            if not method.startswith("_") and (text := _member(thing, method, function)):
                lines += ["", text]
    return "\n".join(lines)


def _member(owner: type, name: str, member: Any) -> str:
    if isinstance(member, property):
        return f"#### {owner.__name__}.{name}\n\n{_docstring(member)}"
    function = getattr(member, "__func__", member)
    if not inspect.isfunction(function):
        return ""
    title = f"#### {owner.__name__}.{name}"
    return "\n".join([title, "", *_signature(name, function), _docstring(function)])


def _signature(name: str, thing: Any) -> list[str]:
    # The fields of a record are listed with their meaning.
    if dataclasses.is_dataclass(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return []
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return []
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        plain = parameter.replace(annotation=inspect.Parameter.empty)
        if inspect.isfunction(plain.default):
            plain = plain.replace(default=_Named(plain.default.__name__))
        names.append(str(plain).replace("'", '"'))
    line = f"{name}({', '.join(names)})"
    # As the formatter of the project puts it, which looks at pages too.
    lines = [line] if len(line) <= _LONGEST else [f"{name}(", *(f"    {n}," for n in names), ")"]
    return ["```python", *lines, "```", ""]


class _Named:
    """Shows a default that is a function as its name, without an address in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _docstring(thing: Any) -> str:
    lines: list[str] = []
    for section in Docstring(inspect.getdoc(thing) or "", parser="numpy").parse("numpy"):
        kind = section.kind.value
        if kind == "examples":
            lines += ["**Examples**", "", *starmap(_example, section.value), ""]
        if kind == "text":
            lines += [_text(section.value), ""]
        title = _TITLES.get(kind)
        if title is None:
            continue
        lines += [f"**{title}**", ""]
        for item in section.value:
            label = getattr(item, "name", "")
            annotation = str(item.annotation or "").replace("`", "")
            words = " ".join(_text(item.description or "").split())
            head = " : ".join(f"`{part}`" for part in (label, annotation) if part)
            lines.append(f"- {head}{f': {words}' if words else ''}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _example(kind: Any, text: str) -> str:
    """A part of an example: what is typed and printed, or words."""
    return f"```pycon\n{text}\n```\n" if kind.value == "examples" else f"{_text(text)}\n"


def _text(text: str) -> str:
    """Docstring text as Markdown: roles and literals as code, literal blocks fenced."""
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    text = text.replace("``", "`")
    return _BLOCK.sub(_fenced, text)


def _fenced(found: re.Match[str]) -> str:
    colon = ":" if found[1] else ""
    return f"{found[1]}{colon}\n\n```text\n{inspect.cleandoc(found[2])}\n```\n"


if __name__ == "__main__":
    # Types stand in the docstrings, not in the signatures that griffe would compare them with.
    logging.getLogger("griffe").setLevel(logging.ERROR)
    write_or_check(PAGE, page, __doc__.splitlines()[0])
