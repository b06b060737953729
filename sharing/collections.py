"""Collections: append under a lock, read pages by key.

`date_added` counts microseconds since 1970 and strictly increases within a collection. It is
given under the lock on the collection's row, which is kept until commit: so the order of
commits is the order of `date_added`, and no reader's cursor ever passes an object that is still
to be committed.

A page is two look-ups: its keys by index, then the stored bytes by hash. Nothing is parsed, and
the cost does not depend on how large the collection is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Exists, delete, exists, select, update
from sqlalchemy.orm import Session

from policies.errors import NotFoundError
from policies.tlp import TLP
from sharing import objects
from sharing.bulk import among, insert_rows
from sharing.objects import StixObject
from sharing.records import CURRENT_SPEC_VERSION, Collection, CollectionRow, StoredObject
from sharing.rows import oldest_rows
from sharing.selection import LARGEST_INSTANT, Filters, Pick, Scope, Versions

__all__ = [
    "Collection",
    "CollectionItem",
    "Filters",
    "ManifestPage",
    "ManifestRecord",
    "Page",
    "Pick",
    "Scope",
    "Versions",
    "append",
    "create",
    "find",
    "find_named",
    "has_object",
    "hide",
    "lock",
    "manifest",
    "page",
    "release",
    "rename",
    "stamp_text",
    "withdraw",
    "withhold",
]

PAGE_LIMIT: Final = 1000
PAGE_LIMIT_BYTES: Final = 8 * 1024 * 1024
TIMELESS_VERSION: Final = "1970-01-01T00:00:00.000Z"
"""The version that is told of an object that has none.

Source: TAXII 2.1, 3.4.1 (a value that the server keeps consistent).
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CollectionItem:
    """An object on its way into a collection.

    Args:
        claimed: the label that withholding goes by; `None` for what is always served (signed
            bundles, definitions).
        released: it is served to later members from the beginning, whatever its label.
    """

    object: StixObject
    claimed: TLP | None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a collection, oldest first.

    Args:
        contents: canonical bytes of each object.
        first_added, last_added: `date_added` of the first and last of them; `None` when empty.
        more: whether there was more when the page was read.
        next: what to ask for as `Filters.after` to go on; set exactly where `more` is.
    """

    contents: list[bytes]
    first_added: int | None
    last_added: int | None
    more: bool
    next: int | None


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """What a manifest tells of one version of one object."""

    stix_id: str
    date_added: int
    version: str
    spec_version: str


@dataclass(frozen=True, slots=True)
class ManifestPage:
    """A stretch of a collection's manifest, oldest first."""

    records: list[ManifestRecord]
    more: bool


def create(
    session: Session, collection_id: str, *, title: str, description: str | None = None
) -> Collection:
    """Make an empty collection. Its id is a UUID in its usual spelling."""
    collection = Collection(id=collection_id, title=title, description=description)
    session.add(collection)
    session.flush()
    return collection


def find(session: Session, collection_id: str) -> Collection | None:
    """Give the collection, or `None`."""
    return session.get(Collection, collection_id)


def rename(session: Session, collection_id: str, title: str) -> None:
    """Give a collection another title."""
    change = update(Collection).where(Collection.id == collection_id).values(title=title)
    session.execute(change)


def lock(session: Session, collection_id: str) -> int:
    """Wait until nobody else writes to this collection; give its newest `date_added`.

    Held until the transaction ends. What is read after it has seen every earlier commit.

    Raises:
        NotFoundError: there is no such collection.
    """
    query = select(Collection.last_added).where(Collection.id == collection_id).with_for_update()
    last_added = session.scalar(query)
    if last_added is None:
        raise NotFoundError("There is no such collection.")
    return last_added


def append(
    session: Session, collection_id: str, items: Sequence[CollectionItem], now: datetime
) -> list[int]:
    """Add objects in this order, storing their bytes; give the `date_added` of each.

    An object that the collection holds already, by hash, keeps its row. Takes the lock.

    Raises:
        NotFoundError: there is no such collection.
    """
    last_added = lock(session, collection_id)
    present = _dates_of(session, collection_id, (item.object.sha256 for item in items))
    new: dict[str, CollectionItem] = {}
    for item in items:
        if item.object.sha256 not in present:
            new.setdefault(item.object.sha256, item)
    if new:
        objects.store(session, [item.object for item in new.values()])
        moment = max((now - _EPOCH) // timedelta(microseconds=1), last_added + 1)
        rows = []
        for sha256, item in new.items():
            present[sha256] = moment
            rows.append(_row_of(collection_id, moment, item))
            moment += 1
        insert_rows(session, CollectionRow, _COLUMNS, rows)
        mixed = any(item.object.spec_version != CURRENT_SPEC_VERSION for item in new.values())
        values: dict[str, Any] = {"last_added": moment - 1} | ({"mixed": True} if mixed else {})
        session.execute(update(Collection).where(Collection.id == collection_id).values(values))
    return [present[item.object.sha256] for item in items]


def find_contents(session: Session, collection_id: str, hashes: Iterable[str]) -> dict[str, bytes]:
    """Give hash → canonical bytes for those that this collection holds, hidden or not.

    What only other collections hold is not here: nobody gets an object by knowing its hash.
    """
    asked = set(hashes)
    if not asked:
        return {}
    rows = session.execute(
        select(StoredObject.sha256, StoredObject.content).where(
            among(session, StoredObject.sha256, asked), _holds(collection_id)
        )
    )
    return dict(rows.all())


def find_named(session: Session, collection_id: str, stix_ids: Iterable[str]) -> dict[str, bytes]:
    """Give hash → canonical bytes of every version under some ids that this collection holds."""
    rows = session.execute(
        select(StoredObject.sha256, StoredObject.content).where(
            among(session, StoredObject.stix_id, stix_ids), _holds(collection_id)
        )
    )
    return dict(rows.all())


def find_contents_in(
    session: Session, collection_ids: Iterable[str], hashes: Iterable[str]
) -> dict[tuple[str, str], bytes]:
    """Give the same of several collections: collection and hash → canonical bytes."""
    rows = session.execute(
        select(CollectionRow.collection_id, StoredObject.sha256, StoredObject.content)
        .join(CollectionRow, CollectionRow.sha256 == StoredObject.sha256)
        .where(
            among(session, StoredObject.sha256, hashes),
            CollectionRow.collection_id.in_(set(collection_ids)),
        )
    )
    return {(collection_id, sha256): content for collection_id, sha256, content in rows}


def find_hashes(session: Session, collection_id: str, hashes: Iterable[str]) -> frozenset[str]:
    """Give those of the hashes that this collection holds, and whose bytes are here."""
    query = select(StoredObject.sha256)
    named = among(session, StoredObject.sha256, hashes)
    return frozenset(session.scalars(query.where(named, _holds(collection_id))))


def hide(session: Session, collection_id: str, stix_id: str) -> list[str]:
    """Show every version of an object to nobody any more; give the hashes concerned."""
    return _change(session, collection_id, stix_id, {"hidden": True})


def hide_contents(session: Session, collection_id: str, hashes: Iterable[str]) -> None:
    """Show these contents to nobody any more; other versions of the objects stay."""
    _change_contents(session, collection_id, hashes, hidden=True)


def show_contents(session: Session, collection_id: str, hashes: Iterable[str]) -> None:
    """Serve these contents again."""
    _change_contents(session, collection_id, hashes, hidden=False)


def release(session: Session, collection_id: str, stix_id: str, *, by: int) -> list[str]:
    """Serve what the collection holds of an object to later members too; give the hashes.

    Args:
        by: `date_added` of what released it; what was released before keeps its own.
    """
    lock(session, collection_id)
    held = (CollectionRow.collection_id == collection_id, CollectionRow.stix_id == stix_id)
    session.execute(
        update(CollectionRow)
        .where(*held, CollectionRow.released_from.is_(None))
        .values(released_from=by)
    )
    return list(session.scalars(select(CollectionRow.sha256).where(*held)))


def withhold(session: Session, collection_id: str, *, after: int) -> None:
    """Serve to later members no longer what was released after this `date_added`."""
    lock(session, collection_id)
    session.execute(
        update(CollectionRow)
        .where(CollectionRow.collection_id == collection_id, CollectionRow.released_from > after)
        .values(released_from=None)
    )


def withdraw(session: Session, collection_id: str, after: int) -> frozenset[str]:
    """Take everything out of a collection that was added after this `date_added`.

    Gives the hashes of what was shown until now.

    No `date_added` is ever given twice: what is added again comes anew, behind every cursor's
    place, and `last_added` stays where it is.
    """
    lock(session, collection_id)
    deletion = delete(CollectionRow).where(
        CollectionRow.collection_id == collection_id, CollectionRow.date_added > after
    )
    returning = deletion.returning(CollectionRow.sha256, CollectionRow.hidden)
    rows = session.execute(returning, execution_options={"synchronize_session": False})
    return frozenset(sha256 for sha256, hidden in rows if not hidden)


def page(
    session: Session,
    collection_id: str,
    filters: Filters,
    scope: Scope,
    *,
    limit: int,
    limit_bytes: int = PAGE_LIMIT_BYTES,
) -> Page:
    """Give the oldest objects that match, at most `limit` and `limit_bytes`, at least one.

    `limit` above `PAGE_LIMIT` counts as that.
    """
    limit = max(1, min(limit, PAGE_LIMIT))
    wanted = ("date_added", "sha256", "size_bytes")
    keys = oldest_rows(session, collection_id, filters, scope, wanted, limit + 1)
    count, size = 0, 0
    for key in keys[:limit]:
        size += key.size_bytes
        if count and size > limit_bytes:
            break
        count += 1
    more = count < len(keys)
    keys = keys[:count]
    bytes_of = objects.find_contents(session, (key.sha256 for key in keys))
    shown = [key for key in keys if key.sha256 in bytes_of]
    return Page(
        contents=[bytes_of[key.sha256] for key in shown],
        first_added=shown[0].date_added if shown else None,
        last_added=shown[-1].date_added if shown else None,
        more=more,
        next=keys[-1].date_added if more else None,
    )


def manifest(
    session: Session, collection_id: str, filters: Filters, scope: Scope, *, limit: int
) -> ManifestPage:
    """Give what there is to know of the oldest objects that match; go on after the last of them."""
    limit = max(1, min(limit, PAGE_LIMIT))
    wanted = ("date_added", "stix_id", "version", "spec_version")
    rows = oldest_rows(session, collection_id, filters, scope, wanted, limit + 1)
    return ManifestPage(
        records=[
            ManifestRecord(
                row.stix_id, row.date_added, row.version or TIMELESS_VERSION, row.spec_version
            )
            for row in rows[:limit]
        ],
        more=len(rows) > limit,
    )


def has_object(session: Session, collection_id: str, stix_id: str, scope: Scope) -> bool:
    """Tell whether this reader can see any version of the object here."""
    filters = Filters(ids=frozenset({stix_id}), versions=Versions.all())
    return bool(oldest_rows(session, collection_id, filters, scope, ("date_added",), 1))


def stamp_text(date_added: int) -> str:
    """Write a `date_added` as TAXII does: UTC, six fractional digits.

    Source: TAXII 2.1, 2.
    """
    moment = _EPOCH + timedelta(microseconds=date_added)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _holds(collection_id: str) -> Exists:
    """Tell whether a collection holds a stored object."""
    return exists().where(
        CollectionRow.sha256 == StoredObject.sha256, CollectionRow.collection_id == collection_id
    )


_COLUMNS: Final = (
    "collection_id",
    "date_added",
    "sha256",
    "size_bytes",
    "stix_id",
    "stix_type",
    "spec_version",
    "version",
    "version_ns",
    "claimed",
    "released_from",
    "hidden",
)


def _row_of(collection_id: str, date_added: int, item: CollectionItem) -> tuple[Any, ...]:
    stix = item.object
    return (
        collection_id,
        date_added,
        stix.sha256,
        len(stix.content),
        stix.stix_id,
        stix.stix_type,
        stix.spec_version,
        stix.version,
        min(stix.version_ns, LARGEST_INSTANT),
        item.claimed,
        date_added if item.released else None,
        False,
    )


def _dates_of(session: Session, collection_id: str, hashes: Iterable[str]) -> dict[str, int]:
    query = select(CollectionRow.sha256, CollectionRow.date_added).where(
        among(session, CollectionRow.sha256, hashes), CollectionRow.collection_id == collection_id
    )
    return dict(session.execute(query).all())


def _change_contents(
    session: Session, collection_id: str, hashes: Iterable[str], *, hidden: bool
) -> None:
    lock(session, collection_id)
    session.execute(
        update(CollectionRow)
        .where(
            CollectionRow.collection_id == collection_id,
            among(session, CollectionRow.sha256, hashes),
        )
        .values(hidden=hidden)
        .execution_options(synchronize_session=False)
    )


def _change(
    session: Session, collection_id: str, stix_id: str, values: dict[str, Any]
) -> list[str]:
    lock(session, collection_id)
    change = (
        update(CollectionRow)
        .where(CollectionRow.collection_id == collection_id, CollectionRow.stix_id == stix_id)
        .values(values)
        .returning(CollectionRow.sha256)
    )
    return list(session.scalars(change))
