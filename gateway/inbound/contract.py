"""The contract of each kind of message: what its data must satisfy, and which of its fields numbers it.

An alert keeps the published contract, a consumer's answer that of answers; every other kind its own
JSON Schema, which lies in the system's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from gateway.errors import Problem
from gateway.inbound.codes import CONTRACT

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

Broken: TypeAlias = Callable[[Mapping[str, Any]], Iterator[Problem]]


def published(name: str) -> Broken:
    """What breaks a published contract, without any value."""
    return lambda data: _broken(_published(name), data)


def own(text: bytes) -> Broken:
    """What breaks a contract of the site's own.  Raises ValueError where the text is no JSON Schema."""
    validator = _own(text)
    return lambda data: _broken(validator, data)


def _broken(validator: Draft202012Validator, data: Mapping[str, Any]) -> Iterator[Problem]:
    if not validator.is_valid(data):
        for error in validator.iter_errors(data):
            path = ".".join(str(step) for step in error.instance_path)
            yield Problem(CONTRACT, path=path[:120], rule=f"breaks the contract's rule `{error.kind.name}`")


@cache
def _published(name: str) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator

    from contracts import schema

    return Draft202012Validator(schema.published(name), validate_formats=True, mask="the value")


@cache
def _own(text: bytes) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator

    try:
        schema = orjson.loads(text)
        if not isinstance(schema, dict):
            raise ValueError("is no JSON Schema: it is not an object")
        return Draft202012Validator(schema, validate_formats=True, mask="the value", retriever=_nowhere)
    except orjson.JSONDecodeError as e:
        raise ValueError("is no JSON") from e
    except ValueError as e:  # what the library raises is one, too
        raise ValueError(f"is no JSON Schema of draft 2020-12: {str(e).splitlines()[0][:120]}") from e


def _nowhere(uri: str) -> Any:
    """Nothing is fetched because a schema names it."""
    raise ValueError("refers to another document")
