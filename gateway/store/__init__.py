"""The durable middle.  Nothing is in flight only in memory.

A batch is accepted in one transaction: records, events, quarantine, cursor, receipt and the
ledger's leaf move together or not at all.  That is the whole delivery guarantee.

    open(url, keys, *, read_only=False, clock=now) -> Store

`sqlite:////abs/path/store.db` or `postgresql://…`.  One process writes: a second writer is
`Refused`.  `read_only=True` opens beside a running writer: it reads, and may leave requests.

    store.journal
        feed(system, feed) -> FeedRow                         made at first use
        feeds() -> list[FeedRow]
        accept(feed_id, batch, intake) -> Accepted            durable when it returns
        halt(feed_id, problem) / state(feed_id, state, by=, reason=)    resume is state(…, "running")
        totals() -> dict[system, Accepted]
        receipts(feed_id=None, limit=50) -> list[ReceiptRow];  receipt(number) -> ReceiptRow | None
        record(position) -> RecordRow | None;  history(position) -> list[RecordRow]
        locate(system, kind, key) -> int                      latest position of a name, 0 for none
        original(position) -> bytes;  body(position) -> bytes
        document(position) -> adapter.Document                the original with its preamble, to decode again
    store.quarantine
        entries(state="open", limit=100) -> list[QuarantineRow];  entry(position) -> QuarantineRow | None
        release(position, decode, intake, *, by, reason) -> Released
        discard(position, decode, intake, *, by, reason) -> Released
    store.remap
        remap(position, decode, intake, *, by, reason, dry_run=False) -> list[Difference]
        latest(feed_id, after=0, limit=1000) -> list[int]     positions that a re-map of a feed visits
    store.erase
        erase(positions, *, by, reason, authority="") -> Erased
        legal_hold(position, on, *, by, reason);  scrub() -> bool
    store.deliveries
        destination(agreement, name, *, start="now"|microseconds) -> int
        destinations() -> list[DestinationRow];  state(dest, state, by=, reason=)
        positions(dest) -> dict[feed_id, position]
        read(dest, feed_id, after, limit=500) -> list[Outgoing];  events(positions, *, replayed=()) -> list[Outgoing]
        exceptions(dest, *, due_before=None, state=None, limit=1000) -> list[Exceptional]
        settle(dest, settlement) -> None                      durable when it returns
        counts(dest, wants, *, feed=None) -> Counts
        replay(dest, positions, *, by, reason) -> int         exceptions with .replay: pass those to events(replayed=)
        retry(dest, *, by, reason) -> int                     parked exceptions are tried again
    store.remotes                                             what legacy systems call what was written to them
        open([(dest, system)]);  aims(dest, positions) -> list[Aim]
        answer(dest, position) -> (problems, words) | None
        decide(dest, position, answer, *, by, reason)         a person has looked at the legacy system
        latest(events) -> dict[position, later position];  changes(feed_id, after, until) -> list[Outgoing]
    store.disclosures
        earlier(dest, position) -> (position, kind) of each;  kind(dest, position) -> int
        batches(*, agreement="", since=0, until=…, after=0, limit=500) -> list[Disclosure]
    store.looks                                               what callers were shown
        note(what, seen, fields, *, agreement, wording, caller, why) -> None    durable when it returns
        batches(...) -> list[Disclosure]                      as store.disclosures, with caller and purpose
    store.deletions                                           what recipients were told to forget, and their answers
        answered(agreement, destination, events) -> int;  owed() -> dict[(agreement, destination), Owed]
        of(positions) -> list[Deletion];  of_receipt(receipt) -> list[Deletion]
    store.daily                                               counts by UTC day
        records(after) / events(after);  days(positions) -> dict[position, day]
    store.lag                                                 how long the oldest has waited that a recipient has not read
        waiting_since(dest, wants) -> microseconds;  given(dest, messages) -> microseconds
    store.seconds
        asked(kind, body) -> SecondRow | None;  ask(kind, body, by=, reason=);  done(kind, body)    acts of two people
        waiting() -> list[Waiting]
    store.seals
        act("seal"|"unseal", position, intake, *, authority, by, same) -> SealRow | None;  all() -> list[SealRow]
        names() -> frozenset[bytes]
    store.requests
        add(kind, body, *, by, reason) -> int;  pending() -> RequestRow | None
        finish(id, result, *, failed=False);  find(id) -> RequestRow | None
    store.submissions
        accept(feed_id, waiting, intake) -> list[Submitted | GatewayError]    several documents, one commit
        find(id) -> SubmissionRow | None;  by_key(caller, key) -> SubmissionRow | None;  of_receipts(receipts)
    store.census
        now() -> (position, microseconds)
        compare(system, records) -> list[Compared | None]     each record beside the latest of its name
        unseen(feed_id, prefix, seen, *, until, since=0) -> list[int]
        finish(feed_id, started, state, result, *, by, reason);  last(feed_id) -> ReconciliationRow | None
    store.current
        page(entity, after, limit) -> Page;  position(partition) -> int          the records as they stand now
        before(microseconds) -> int;  head() -> int
    store.systems
        get(system) -> SystemRow | None;  all() -> list[SystemRow];  set(system, state, *, digest="", by, reason)
    store.agreements
        get(name) -> AgreementRow | None;  all() -> list[AgreementRow]
        approve(name, digest, wording, *, prepared, by, reason);  suspend(name, *, by, reason)
    store.ledger
        note(kind, body, *, by="", reason="") -> int           a rare act; ASCII keys, ints and strings; who and why as commitments
        size() -> int;  root(size=None) -> bytes;  leaf(index) -> Leaf
        inclusion(position) -> Inclusion;  consistency(size1, size2) -> list[bytes];  verify() -> list[str]
    store.free_bytes() -> int;  store.size_bytes() -> int;  store.ping();  store.close()

Errors: `Retry` with `store.full` or `store.busy` (nothing of it was kept), `Refused` (settings,
second writer), `Fatal` (a sync failed: what is on disk is unknown, so the process must exit and
start again).
"""

from gateway.store.database import Fatal
from gateway.store.opening import Store, open

__all__ = ["Fatal", "Store", "open"]
