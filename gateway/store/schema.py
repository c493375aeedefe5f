"""The tables, and the numbered steps that made them.

One schema for both databases; only the words in braces differ.  A step
that has been released is never edited: the next one changes what it made.
"""

from __future__ import annotations

from gateway.errors import Problem, Refused
from gateway.store.database import NEWER, Database, Transaction

FIRST = """
-- Facts about the store itself: the site's check value, the number of the last migration.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- One row, locked last by every transaction that gives out positions or leaves: so positions, leaves and commits have
-- one order. `edge` holds the roots of the log's perfect subtrees, largest first.
CREATE TABLE head (id INTEGER PRIMARY KEY, position BIGINT NOT NULL, size BIGINT NOT NULL, edge {blob} NOT NULL);
INSERT INTO head (id, position, size, edge) VALUES (1, 0, 0, CAST('' AS {blob}));

-- What a person or the runner has decided about a system as a whole.
CREATE TABLE system (
  system TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, digest TEXT NOT NULL, who TEXT NOT NULL,
  at BIGINT NOT NULL);

-- One stream of a system: where to resume (sealed), whether it runs, and what has become of its records.
CREATE TABLE feed (
  id {identity}, system TEXT NOT NULL, feed TEXT NOT NULL, cursor {blob} NOT NULL, state TEXT NOT NULL, problem TEXT,
  reason TEXT NOT NULL, "read" BIGINT NOT NULL, accepted BIGINT NOT NULL, unchanged BIGINT NOT NULL,
  late BIGINT NOT NULL, quarantined BIGINT NOT NULL, updated BIGINT NOT NULL, UNIQUE (system, feed));

-- What became of one document; its preamble is sealed under a salt of its own.
CREATE TABLE receipt (
  id {identity}, feed BIGINT NOT NULL, label TEXT NOT NULL, sha256 {blob} NOT NULL, size BIGINT NOT NULL,
  preamble {blob} NOT NULL, state TEXT NOT NULL, "read" BIGINT NOT NULL, accepted BIGINT NOT NULL,
  unchanged BIGINT NOT NULL, late BIGINT NOT NULL, quarantined BIGINT NOT NULL, bytes_in_records BIGINT NOT NULL,
  bytes_skipped BIGINT NOT NULL, opened BIGINT NOT NULL, closed BIGINT NOT NULL);
-- Where a document is gone on with. One that comes whole adds nothing here.
CREATE INDEX receipt_reading ON receipt (feed, sha256) WHERE state = 'reading';

-- Ranges of a document that are no record: where, how long, what.
CREATE TABLE skipped (receipt BIGINT NOT NULL, start BIGINT NOT NULL, length BIGINT NOT NULL, what TEXT NOT NULL);
CREATE INDEX skipped_receipt ON skipped (receipt);

-- The record log, which is also the outbox. One row for each event of a raw record (at least one row; the first holds
-- the original). Rows are added at the head and never changed, except that erasing overwrites salt and contents.
CREATE TABLE record (
  position {key} PRIMARY KEY, feed BIGINT NOT NULL, receipt BIGINT NOT NULL, kind TEXT NOT NULL, name {blob} NOT NULL,
  sequence BIGINT NOT NULL, idx INTEGER NOT NULL, outcome INTEGER NOT NULL, change INTEGER NOT NULL,
  version {blob} NOT NULL, again INTEGER NOT NULL, outgoing INTEGER NOT NULL, topic TEXT NOT NULL, event {blob} NOT NULL,
  subject {blob} NOT NULL, partition {blob} NOT NULL, time TEXT NOT NULL, recorded BIGINT NOT NULL,
  mapping TEXT NOT NULL, extra TEXT NOT NULL, origin BIGINT NOT NULL, place TEXT NOT NULL, salt {blob} NOT NULL,
  original {blob} NOT NULL, body {blob} NOT NULL, entry {blob} NOT NULL, retention TEXT NOT NULL DEFAULT '',
  legal_hold INTEGER NOT NULL DEFAULT 0);
-- What a destination reads.
CREATE INDEX record_outgoing ON record (feed, position) WHERE outgoing = 1;
-- Every row of a name but its first, which the name itself points to: a bulk load of new names adds nothing here.
CREATE INDEX record_again ON record (name, version) WHERE again = 1;

-- The latest of each name. `version` is a keyed hash over version and change; `born` is that of the first row.
-- `parts` are the positions of the events that stand for the name now; `sole` is the entity where there is one, unnamed.
-- `holder` is the position of the quarantined record behind which later ones wait.
CREATE TABLE name (
  name {blob} PRIMARY KEY, first BIGINT NOT NULL, born {blob} NOT NULL, position BIGINT NOT NULL, version {blob} NOT NULL,
  change INTEGER NOT NULL, digest {blob} NOT NULL, sequence BIGINT NOT NULL, mapped BIGINT NOT NULL, parts TEXT NOT NULL,
  sole TEXT NOT NULL, holder BIGINT NOT NULL, highest TEXT NOT NULL);

-- Records that wait behind a quarantined one of their name, until they have been processed.
CREATE TABLE held (name {blob} NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (name, position));

-- Why a record was quarantined and what was decided.
CREATE TABLE quarantine (
  position {key} PRIMARY KEY, feed BIGINT NOT NULL, problems TEXT NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL,
  reason TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX quarantine_open ON quarantine (position) WHERE state = 'open';

-- One destination of one agreement.
CREATE TABLE destination (
  id {identity}, agreement TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  created BIGINT NOT NULL, UNIQUE (agreement, name));

-- How far a destination is settled with a feed, and what became of the events up to there.
CREATE TABLE position (
  destination BIGINT NOT NULL, feed BIGINT NOT NULL, position BIGINT NOT NULL, delivered BIGINT NOT NULL,
  withheld BIGINT NOT NULL, expired BIGINT NOT NULL, PRIMARY KEY (destination, feed));

-- Deliveries that are not simply done.
CREATE TABLE exception (
  destination BIGINT NOT NULL, position BIGINT NOT NULL, feed BIGINT NOT NULL, state TEXT NOT NULL,
  subject {blob} NOT NULL, attempts INTEGER NOT NULL, next_at BIGINT NOT NULL, code TEXT NOT NULL,
  uncertain INTEGER NOT NULL, replay INTEGER NOT NULL, PRIMARY KEY (destination, position));

-- The leaves of the ledger; those of accepted batches say which positions they cover (0 for none).
CREATE TABLE leaf (
  idx {key} PRIMARY KEY, kind TEXT NOT NULL, body {blob} NOT NULL, hash {blob} NOT NULL, low BIGINT NOT NULL,
  high BIGINT NOT NULL);
CREATE INDEX leaf_batch ON leaf (low) WHERE low > 0;

-- The roots of the ledger's perfect subtrees above the leaves.
CREATE TABLE tree (level INTEGER NOT NULL, idx BIGINT NOT NULL, hash {blob} NOT NULL, PRIMARY KEY (level, idx));

-- What a command asked the running process to do.
CREATE TABLE request (
  id {identity}, kind TEXT NOT NULL, body TEXT NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL,
  result TEXT NOT NULL, asked BIGINT NOT NULL, finished BIGINT NOT NULL);
CREATE INDEX request_open ON request (id) WHERE state = 'open';
"""

SUBMISSIONS = """
-- Documents that callers sent in: whose it is, under which idempotency key (a keyed hash; empty for none), its receipt,
-- the positions it left (0 for none), and the records that were not simply accepted.
CREATE TABLE submission (
  id TEXT PRIMARY KEY, caller TEXT NOT NULL, feed BIGINT NOT NULL, receipt BIGINT NOT NULL, key {blob} NOT NULL,
  sha256 {blob} NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL, aside TEXT NOT NULL, at BIGINT NOT NULL);
CREATE UNIQUE INDEX submission_key ON submission (caller, key) WHERE key <> CAST('' AS {blob});
CREATE INDEX submission_receipt ON submission (receipt);
"""

RECONCILIATIONS = """
-- What each comparison of a feed with its system found: counts and days, never a key.
CREATE TABLE reconciliation (
  feed BIGINT NOT NULL, started BIGINT NOT NULL, finished BIGINT NOT NULL, state TEXT NOT NULL, result TEXT NOT NULL,
  PRIMARY KEY (feed, started));
"""

PARTS = """
-- The events of records that are one of several made of one raw record: found by what they have in common.
CREATE INDEX record_part ON record (partition) WHERE partition <> name;
"""

SINKS = """
-- A destination that writes to a legacy system: that system.
CREATE TABLE sink (destination {key} PRIMARY KEY, system TEXT NOT NULL);

-- What a legacy system calls a record that was written to it, sealed; by destination and partition.
CREATE TABLE remote (
  destination BIGINT NOT NULL, partition {blob} NOT NULL, called {blob} NOT NULL, PRIMARY KEY (destination, partition));

-- The names under which a legacy system's own feeds would say what was written to it. `awaited`: none has said it since.
CREATE TABLE echo (name {blob} PRIMARY KEY, awaited INTEGER NOT NULL);

-- What a legacy system answered where it did not simply take a delivery: its problems; sealed, the number under which it
-- is pending there, and its own words.
CREATE TABLE answer (
  destination BIGINT NOT NULL, position BIGINT NOT NULL, problems TEXT NOT NULL, pending {blob} NOT NULL,
  said {blob} NOT NULL, PRIMARY KEY (destination, position));
"""

AGREEMENTS = """
-- What people decided about an agreement: the wording that was approved last, by whom, and whether it is suspended.
CREATE TABLE agreement (
  name TEXT PRIMARY KEY, state TEXT NOT NULL, digest TEXT NOT NULL, wording TEXT NOT NULL, prepared TEXT NOT NULL,
  who TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);

-- What one settled batch gave to a destination: its leaf (-1 where nothing of it is certain), the wording, and its entries,
-- packed as `store.disclosures` says.
CREATE TABLE disclosure (
  id {identity}, destination BIGINT NOT NULL, leaf BIGINT NOT NULL, wording TEXT NOT NULL, at BIGINT NOT NULL,
  low BIGINT NOT NULL, high BIGINT NOT NULL, given {blob} NOT NULL);
CREATE INDEX disclosure_span ON disclosure (destination, high, low);

-- The last number up to which every message was confirmed; the wording under which all that was given was looked at; and
-- the position up to which messages may have been handed over, 0 where all that were are settled.
ALTER TABLE destination ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN wording TEXT NOT NULL DEFAULT '';
ALTER TABLE destination ADD COLUMN ceiling BIGINT NOT NULL DEFAULT 0;

-- Records that are sealed, or that one person wants to be (or no longer to be) and that wait for the second.
CREATE TABLE seal (
  name {blob} PRIMARY KEY, position BIGINT NOT NULL, state TEXT NOT NULL, authority TEXT NOT NULL, asked TEXT NOT NULL,
  who TEXT NOT NULL, at BIGINT NOT NULL);
"""

SECONDS = """
-- Rare acts that wait for a second person, each under a keyed hash over all that it says.
CREATE TABLE second (act {blob} PRIMARY KEY, who TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);
"""

DELETIONS = """
-- Each message that told a recipient to forget something, by the id that it knows, and when it answered that it did (0: not yet).
CREATE TABLE deletion (
  destination BIGINT NOT NULL, event {blob} NOT NULL, position BIGINT NOT NULL, at BIGINT NOT NULL,
  answered BIGINT NOT NULL, PRIMARY KEY (destination, event));
CREATE INDEX deletion_position ON deletion (position);
"""

LOOKS = """
-- What one answer showed to a caller: through which agreement, why (sealed), its leaf, and its entries, packed as
-- `store.disclosures` says.
CREATE TABLE look (
  id {identity}, caller TEXT NOT NULL, agreement TEXT NOT NULL, what TEXT NOT NULL, purpose {blob} NOT NULL,
  leaf BIGINT NOT NULL, wording TEXT NOT NULL, at BIGINT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL,
  given {blob} NOT NULL);
"""

WAITING = """
-- What an act that waits for a second person is, and all that it says (sealed), so that it can be shown to that person.
ALTER TABLE second ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE second ADD COLUMN body {blob};
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SUBMISSIONS, RECONCILIATIONS, PARTS, SINKS, AGREEMENTS, SECONDS, DELETIONS, LOOKS, WAITING)


def migrate(database: Database) -> None:
    """Bring the tables to this version of the gateway.  Refused where a newer one has been here."""
    database.write(lambda transaction: _apply(database, transaction))
    database.ping()


def check(database: Database) -> None:
    """For a reader: Refused where the tables are not of this version."""
    row = database.read().one("SELECT value FROM meta WHERE key = 'migration'")
    if row is None or int(row[0]) > len(MIGRATIONS):
        raise Refused(Problem(NEWER))


def _apply(database: Database, transaction: Transaction) -> None:
    done = _done(database, transaction)
    if done > len(MIGRATIONS):
        raise Refused(Problem(NEWER))
    for migration in MIGRATIONS[done:]:
        for statement in _statements(migration, database):
            transaction.run(statement)
    if done < len(MIGRATIONS):
        transaction.run("DELETE FROM meta WHERE key = 'migration'")
        transaction.run("INSERT INTO meta (key, value) VALUES ('migration', ?)", [str(len(MIGRATIONS))])


def _done(database: Database, transaction: Transaction) -> int:
    if not transaction.all(database.tables, ["meta"]):
        return 0
    row = transaction.one("SELECT value FROM meta WHERE key = 'migration'")
    return int(row[0]) if row else 0


def _statements(migration: str, database: Database) -> list[str]:
    text = migration.format(blob=database.blob, key=database.key, identity=database.identity)
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [statement.strip() for statement in plain.split(";") if statement.strip()]
