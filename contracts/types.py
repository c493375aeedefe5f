"""The contracts as types: TypedDict for Python, interfaces for TypeScript, made from the published schemas.

What a schema requires is required; everything else may be absent, as an agreement may withhold it.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from contracts.events import Event, events

Schema = Mapping[str, Any]

_HEAD: Final = "Generated from the contracts' schemas.  Unknown fields may come; let them pass."
_PYTHON: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_TYPESCRIPT: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def python(schemas: Mapping[str, Schema]) -> str:
    """One module for Python 3.11 and later."""
    lines = [
        f'"""{_HEAD}"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, NotRequired, TypedDict, Union",
    ]
    for name, model in _models(schemas):
        lines += ["", "", f"class {name}(TypedDict):", f"    {json.dumps(_says(model), ensure_ascii=False)}"]
        lines += ["", *(f"    {line}" for line in _python_fields(model))]
    for event in events():
        lines += ["", "", f"class {_event(event)}(Envelope):"]
        lines += [
            # mypy holds fields of a TypedDict to be mutable; the narrower type is what tells events apart
            f"    type: Literal[{json.dumps(event.type)}]  # type: ignore[misc]",
            f"    data: {_class(event.body)}",
        ]
    lines += ["", "", f"Event = Union[{', '.join(map(_event, events()))}]"]
    return "\n".join(lines) + "\n"


def typescript(schemas: Mapping[str, Schema]) -> str:
    """One declaration file."""
    lines = [f"/** {_HEAD} */"]
    for name, model in _models(schemas):
        lines += ["", f"/** {_says(model)} */", f"export interface {name} {{"]
        for field, said, needed in _fields(model):
            lines += [
                f"  /** {_says(said)} */",
                f"  {field}{'' if needed else '?'}: {_shape(said, _TYPESCRIPT, _ts_list, 'unknown')};",
            ]
        lines += ["  [unknown: string]: unknown;", "}"]
    for event in events():
        lines += ["", f"export interface {_event(event)} extends Envelope {{"]
        lines += [f"  type: {json.dumps(event.type)};", f"  data: {_class(event.body)};", "}"]
    lines += ["", "export type Event =", *(f"  | {_event(event)}" for event in events())]
    return "\n".join(lines) + ";\n"


def _models(schemas: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    parts = {name: part for schema in schemas.values() for name, part in schema.get("$defs", {}).items()}
    yield from sorted(parts.items())
    yield from ((_class(name), schema) for name, schema in schemas.items())


def _fields(model: Schema) -> Iterator[tuple[str, Schema, bool]]:
    needed = model.get("required", ())
    for name, said in model.get("properties", {}).items():
        yield name, said, name in needed


def _python_fields(model: Schema) -> Iterator[str]:
    for name, said, needed in _fields(model):
        if keyword.iskeyword(name) or not name.isidentifier():
            raise ValueError(f"{name} cannot be a field in Python")
        kind = _shape(said, _PYTHON, lambda inner: f"list[{inner}]", "Any")
        yield f"{name}: {kind if needed else f'NotRequired[{kind}]'}  # {_says(said)}"


def _shape(said: Schema, words: Mapping[str, str], many: Callable[[str], str], anything: str) -> str:
    """The type of one field in a language that `words`, `many` and `anything` speak."""
    if "$ref" in said:
        return str(said["$ref"]).rpartition("/")[2]
    if "items" in said:
        return many(_shape(said["items"], words, many, anything))
    kinds = said.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not kinds or not set(kinds) <= words.keys():
        return anything
    return " | ".join(words[kind] for kind in kinds)


def _ts_list(inner: str) -> str:
    return f"Array<{inner}>"


def _class(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _event(event: Event) -> str:
    return _class(event.entity) + _class(event.action)


def _says(node: Schema) -> str:
    return " ".join(str(node.get("description", "")).replace("*/", "* /").split())
