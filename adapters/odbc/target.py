"""The statements of a sink: find a row again, compare it, insert, update, delete it, call a procedure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.odbc import codes
from adapters.odbc.profile import Profile
from adapters.odbc.settings import Write
from adapters.odbc.sql import quoted, quoted_path
from gateway.adapter import OutRecord
from gateway.errors import Problem, Reject

Statement = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """One table or procedure in this profile's SQL; what stands in it is always bound."""

    profile: Profile
    write: Write

    def places(self, record: OutRecord) -> list[Mapping[str, Any]]:
        """Where the record's row may be found, the surest first: by the number that the target gave, or by its key."""
        write = self.write
        found: list[Mapping[str, Any]] = []
        if write.returns and record.remote_id:
            found.append({write.returns: record.remote_id})
        if write.key and all(record.fields.get(name) is not None for name in write.key):
            found.append({name: record.fields[name] for name in write.key})
        elif write.key and not write.returns and record.remote_id:
            found.append(dict(zip(write.key, record.remote_id.split("|"), strict=False)))
        return found

    def find(self, place: Mapping[str, Any]) -> Statement:
        """The number of a row, or that there is one."""
        condition, bound = self._where(place)
        shown = self._name(self.write.returns) if self.write.returns else "1"
        return f"SELECT {shown} FROM {self._table} WHERE {condition}", bound

    def insert(self, values: Mapping[str, Any]) -> Statement:
        """One new row."""
        names = ", ".join(map(self._name, values))
        return f"INSERT INTO {self._table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values())

    def update(self, values: Mapping[str, Any], place: Mapping[str, Any]) -> Statement:
        """The row at this place, changed."""
        condition, bound = self._where(place)
        changes = ", ".join(f"{self._name(name)} = ?" for name in values)
        return f"UPDATE {self._table} SET {changes} WHERE {condition}", [*values.values(), *bound]

    def delete(self, place: Mapping[str, Any]) -> Statement:
        """The row at this place, gone."""
        condition, bound = self._where(place)
        return f"DELETE FROM {self._table} WHERE {condition}", bound

    def call(self, values: Mapping[str, Any]) -> Statement:
        """The procedure, in the words that every driver translates."""
        assert self.write.procedure is not None
        places = ", ".join("?" * len(self.write.arguments))
        bound = [values.get(name) for name in self.write.arguments]
        return f"{{CALL {quoted_path(self.profile, self.write.procedure)}({places})}}", bound

    def values(self, record: OutRecord) -> dict[str, Any]:
        """What is written.  Raises Reject where a value is none that a column takes."""
        problems = [Problem(codes.VALUE, path=name) for name, value in record.fields.items() if not _fits(value)]
        if problems or not record.fields:
            raise Reject(*(problems or [Problem(codes.VALUE, rule="there is no field to write")]))
        values = dict(record.fields)
        if self.write.id:
            values[self.write.id] = record.id
        return values

    @property
    def _table(self) -> str:
        assert self.write.table is not None
        return quoted_path(self.profile, self.write.table)

    def _name(self, name: str) -> str:
        return quoted(self.profile, name)

    def _where(self, place: Mapping[str, Any]) -> Statement:
        known = {name: value for name, value in place.items() if value is not None}
        conditions = [f"{self._name(name)} = ?" if name in known else f"{self._name(name)} IS NULL" for name in place]
        return " AND ".join(conditions), list(known.values())


def _fits(value: Any) -> bool:
    return not isinstance(value, Sequence | Mapping) or (isinstance(value, str) and "\0" not in value)
