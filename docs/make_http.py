"""The page of the service's requests, docs/http.md, from its description (OpenAPI).

python docs/make_http.py           # writes the page
python docs/make_http.py --check   # says whether it is as the service is
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from made_page import write_or_check

from pacbed.service.app import create_app
from pacbed.service.settings import Settings

PAGE = Path(__file__).with_name("http.md")
_HEAD = """# Requests of the service

Made from the service's own description (OpenAPI) by `python docs/make_http.py`. A running service
shows the same at `/docs`, and for programs at `/openapi.json`. How to run one:
[service.md](service.md); requests from MATLAB and other programs:
[other-programs.md](other-programs.md).
"""
_SCHEMAS = "#/components/schemas/"


def page() -> str:
    """The whole page."""
    described = create_app(Settings()).openapi()
    schemas = described["components"]["schemas"]
    parts = [_HEAD]
    group = None
    for path, methods in described["paths"].items():
        for method, request in methods.items():
            (tag,) = request["tags"]
            if tag != group:
                parts.append(f"## {tag.capitalize()}")
                group = tag
            parts += _request(method, path, request, schemas)
    parts.append("## Records\n\nWhat requests and answers hold.")
    for name, schema in sorted(schemas.items()):
        if "properties" in schema and name not in ("HTTPValidationError", "ValidationError"):
            parts.append(f"### {name}")
            parts.append(_fields(schema))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _request(method: str, path: str, request: dict[str, Any], schemas: Any) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield request.get("description", "")
    rows = [
        (f"`{parameter['name']}`", _type(parameter["schema"]), _words(parameter))
        for parameter in request.get("parameters", [])
    ]
    if rows:
        yield _table(("Parameter", "Type", "Meaning"), rows)
    for kind, content in request.get("requestBody", {}).get("content", {}).items():
        name = content["schema"]["$ref"].removeprefix(_SCHEMAS)
        yield f"The body is `{kind}`:\n\n{_fields(schemas[name])}"
    answers = [
        (code, _answer(response), _cell(response["description"]))
        for code, response in sorted(request["responses"].items())
    ]
    yield _table(("Status", "Answer", "Meaning"), answers)


def _answer(response: dict[str, Any]) -> str:
    kinds = response.get("content", {})
    shown = [
        _type(content.get("schema", {})) if kind == "application/json" else f"`{kind}`"
        for kind, content in kinds.items()
    ]
    return ", ".join(filter(None, shown)) or "–"


def _fields(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = [
        (f"`{name}`{'' if name in needed else ' (optional)'}", _type(field), _words(field))
        for name, field in schema["properties"].items()
    ]
    return _table(("Field", "Type", "Meaning"), rows)


def _words(field: dict[str, Any]) -> str:
    """What a field means, with its bounds and default."""
    schema = {**field, **field.get("schema", {})}
    words = [_cell(field.get("description", "") or schema.get("description", ""))]
    default = schema.get("default")
    if isinstance(default, int | float | str) and default != "":
        shown = default if isinstance(default, str) else json.dumps(default)
        words.append(f"By default `{shown}`.")
    return " ".join(filter(None, words))


def _type(schema: dict[str, Any]) -> str:
    """The type of a field, records as links to their tables."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        return "validation error" if name == "HTTPValidationError" else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    if kind == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    media = schema.get("contentMediaType") or schema.get("format")
    return "file" if media in ("binary", "application/octet-stream") else kind


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    write_or_check(PAGE, page, __doc__.splitlines()[0])
