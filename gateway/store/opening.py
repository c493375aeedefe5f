"""Opens a store: finds the database behind a URL, brings its tables up to date, checks the key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from gateway.errors import Problem, Refused, code
from gateway.event import Keys
from gateway.store import schema
from gateway.store.agreements import Agreements
from gateway.store.census import Census
from gateway.store.crypto import Vault
from gateway.store.current import Current
from gateway.store.daily import Daily
from gateway.store.database import ADDRESS, Database, Transaction
from gateway.store.deletions import Deletions
from gateway.store.deliveries import Deliveries
from gateway.store.disclosures import Disclosures
from gateway.store.erase import Erase
from gateway.store.journal import Journal
from gateway.store.lag import Lag
from gateway.store.ledger import Ledger
from gateway.store.looks import Looks
from gateway.store.quarantine import Quarantine
from gateway.store.recent import Recent
from gateway.store.remap import Remap
from gateway.store.remotes import Remotes
from gateway.store.requests import Requests
from gateway.store.rows import Clock
from gateway.store.seals import Seals
from gateway.store.seconds import Seconds
from gateway.store.sqlite import Sqlite
from gateway.store.submissions import Submissions
from gateway.store.systems import Systems

OTHER_KEY = code(
    "store.other-key",
    "the site's key is not the one that this store was made with",
    "Put the right key file back; without it nothing that the store holds can be read.",
)


def now() -> int:
    """The machine's clock in microseconds since 1970."""
    return time.time_ns() // 1000


class Store:
    """One store, open.  Safe from any thread; close it when done."""

    def __init__(self, database: Database, keys: Keys, *, clock: Clock = now, read_only: bool = False) -> None:
        self.database = database
        if read_only:
            schema.check(database)
        else:
            schema.migrate(database)
        _check_key(database, keys, read_only=read_only)
        vault = Vault(keys.body)
        recent = Recent()
        self.ledger = Ledger(database, keys, vault, clock)
        self.journal = Journal(database, keys, vault, recent, clock)
        self.quarantine = Quarantine(database, keys, vault, self.journal, self.ledger, clock)
        self.remap = Remap(database, keys, vault, self.journal, self.ledger, clock)
        self.erase = Erase(database, self.ledger, recent)
        self.census = Census(database, keys, self.ledger, clock)
        self.remotes = Remotes(database, vault, self.ledger, clock)
        self.deliveries = Deliveries(database, vault, self.ledger, recent, self.remotes, clock)
        self.disclosures = Disclosures(database)
        self.looks = Looks(database, self.ledger, vault, clock)
        self.deletions = Deletions(database, clock)
        self.daily = Daily(database)
        self.lag = Lag(database)
        self.seconds = Seconds(database, keys, vault, self.ledger, clock)
        self.seals = Seals(database, keys, vault, self.journal, self.ledger, recent, clock)
        self.requests = Requests(database, clock)
        self.systems = Systems(database, self.ledger, clock)
        self.current = Current(database)
        self.submissions = Submissions(database, keys, self.journal, clock)
        self.agreements = Agreements(database, self.ledger, clock)

    def free_bytes(self) -> int:
        """Bytes free where the store grows."""
        return self.database.free_bytes()

    def size_bytes(self) -> int:
        """Bytes that the store takes."""
        return self.database.size_bytes()

    def ping(self) -> None:
        """Raises where the store cannot be written now."""
        self.database.ping()

    def close(self) -> None:
        """Finish what waits and let go."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(url: str, keys: Keys, *, read_only: bool = False, clock: Clock = now) -> Store:
    """Open the store at `sqlite:////absolute/path` or `postgresql://…`.

    Raises Refused: another process writes to it, it cannot promise durability, it was made by a newer
    version or with another key.  With `read_only` it may be written by another process meanwhile.
    """
    database = connect(url, read_only=read_only)
    try:
        return Store(database, keys, clock=clock, read_only=read_only)
    except BaseException:
        database.close()
        raise


def connect(url: str, *, read_only: bool = False) -> Database:
    """The database behind a URL."""
    if url.startswith("sqlite:////"):
        return Sqlite(Path(url.removeprefix("sqlite:///")), read_only=read_only)
    if url.startswith(("postgresql://", "postgres://")):
        # psycopg is an extra, and only a site on PostgreSQL pays for its import.
        from gateway.store.postgres import Postgres

        return Postgres(url, read_only=read_only)
    raise Refused(Problem(ADDRESS))


def _check_key(database: Database, keys: Keys, *, read_only: bool) -> None:
    check = keys.token("store").hex()
    row = database.read().one("SELECT value FROM meta WHERE key = 'key-check'")
    if row is None and not read_only:
        database.write(lambda transaction: _remember(transaction, check))
    elif row is not None and row[0] != check:
        raise Refused(Problem(OTHER_KEY))


def _remember(transaction: Transaction, check: str) -> None:
    transaction.run("INSERT INTO meta (key, value) VALUES ('key-check', ?)", [check])
