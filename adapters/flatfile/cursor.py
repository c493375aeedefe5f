"""Where reading goes on: the file, the document in it, and the byte.  All that `acknowledge` needs as well."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from adapters.flatfile.layouts.items import Place
from adapters.flatfile.pickup import Identity


@dataclass(frozen=True, slots=True)
class At:
    """One place in one file.  `done`: the file has been read to its end."""

    name: str = ""
    inode: int = 0
    bytes: int = 0
    modified_ns: int = 0
    entry: int = 0
    sha256: str = ""
    """Of the document that is being read; "" before its first batch."""
    size: int = 0
    offset: int = 0
    line: int = 1
    state: str = ""
    done: bool = False

    @property
    def identity(self) -> Identity:
        return Identity(self.inode, self.bytes, self.modified_ns)

    @property
    def place(self) -> Place:
        return Place(self.offset, self.line, self.state)

    @property
    def under_way(self) -> bool:
        """Whether the file has been begun and not finished."""
        return bool(self.name) and not self.done

    def of(self, identity: Identity) -> At:
        """The same place in a file with this identity."""
        return replace(self, inode=identity.inode, bytes=identity.size, modified_ns=identity.modified_ns)

    def moved(self, place: Place) -> At:
        """The same document, further on."""
        return replace(self, offset=place.offset, line=place.line, state=place.state)

    def text(self) -> str:
        """As a cursor: JSON, without what is as usual."""
        usual = asdict(At())
        return json.dumps({key: value for key, value in asdict(self).items() if value != usual[key]})


def parsed(cursor: str) -> At:
    """From a cursor; "" is the beginning."""
    return At(**json.loads(cursor)) if cursor else At()
