"""STIX objects by content: read at the border, stored once under the hash of their bytes."""

from __future__ import annotations

import re
from collections.abc import Collection as Bag
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from policies.errors import InvalidError, TooLargeError
from sharing.bulk import among, insert_rows
from sharing.canonical import (
    BUNDLE_LIMIT_BYTES,
    OBJECT_LIMIT_BYTES,
    MalformedError,
    canonical_form,
    read_instant,
    read_json,
    sha256_hex,
    version_text,
)
from sharing.records import CURRENT_SPEC_VERSION, CollectionRow, StoredObject

SIGNED_BUNDLE: Final = "signed-bundle"
RAW_LIMIT_BYTES: Final = 3 * BUNDLE_LIMIT_BYTES
"""How much text `StixObject.read` takes: escapes and white space make it longer than its form."""

_TYPE: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)
_ID: Final = re.compile(
    r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII
)
_TYPE_LENGTHS: Final = range(3, 251)
_BEFORE_UUID: Final = -38
"""Where the two hyphens stand before the UUID of an id."""
_ID_LENGTHS: Final = range(3 + 38, 251 + 38)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StixObject:
    """A STIX object in its canonical form, with what the store asks about.

    Args:
        sha256: of `content`. For a signed bundle this is not the bundle hash, which leaves the
            signature out.
        content: the RFC 8785 bytes; what is stored, hashed and served.
        version: the text of `modified`, else `created`, else none.
        version_ns: the version as nanoseconds since 1970; 0 where there is none.
    """

    sha256: str
    content: bytes = field(repr=False)
    value: Mapping[str, Any] = field(repr=False, compare=False, hash=False)
    stix_id: str
    stix_type: str
    version: str | None
    version_ns: int

    @classmethod
    def read(cls, data: bytes) -> StixObject:
        """Read an object from JSON text.

        Raises:
            MalformedError: not I-JSON, or no STIX object.
            TooLargeError: above the limits of the protocol.
        """
        return cls.of(read_json(data, limit_bytes=RAW_LIMIT_BYTES, field="object"))

    @classmethod
    def kept(cls, sha256: str, content: bytes) -> StixObject:
        """Read what the store keeps under a hash.

        Its form was checked before it was kept, and is not again.

        Raises:
            MalformedError: these are other bytes.
        """
        if sha256_hex(content) != sha256:
            raise MalformedError(f"the bytes kept as {sha256[:12]}… are others", field="object")
        return cls.of(orjson.loads(content), written=content, sha256=sha256)

    @classmethod
    def of(
        cls, value: Any, *, written: bytes | None = None, sha256: str | None = None
    ) -> StixObject:
        """Take a parsed value as an object; nothing is added, dropped or altered.

        Args:
            written: its canonical form, where it was read from exactly these bytes.
            sha256: of `written`, where that is known.

        Raises:
            MalformedError: no STIX object, or without canonical form.
            TooLargeError: more than 1 MiB in canonical form (4 MiB for a signed bundle).
        """
        if not isinstance(value, Mapping):
            raise MalformedError("a STIX object is a JSON object", field="object")
        stix_type, stix_id = _read_identity(value)
        for name in ("created", "modified"):
            if name in value:
                _read_timestamp(value[name], name)
        version = version_text(value)
        if written is None:
            written, value = _as_kept(value if isinstance(value, dict) else dict(value))
        content = written
        limit = BUNDLE_LIMIT_BYTES if stix_type == SIGNED_BUNDLE else OBJECT_LIMIT_BYTES
        if len(content) > limit:
            message = f"{len(content)} bytes are more than the {limit} allowed for one object"
            raise TooLargeError(message, field="object")
        return cls(
            sha256=sha256 or sha256_hex(content),
            content=content,
            value=value,
            stix_id=stix_id,
            stix_type=stix_type,
            version=version,
            version_ns=0 if version is None else read_instant(version),
        )

    @property
    def spec_version(self) -> str:
        """The STIX version that it is written in.

        STIX 2.0 objects have no `spec_version`, and always `created`; a cyber-observable object of
        2.1 may leave out both.
        """
        stated = self.value.get("spec_version")
        if isinstance(stated, str):
            return stated
        return "2.0" if "created" in self.value else CURRENT_SPEC_VERSION


def store(session: Session, objects: Sequence[StixObject]) -> None:
    """Keep objects; what is kept already stays as it is.

    Rows are written in order of their hashes, so that two writers never wait for each other.
    """
    rows = {item.sha256: (item.sha256, item.stix_id, item.content) for item in objects}
    new_rows = [rows[sha256] for sha256 in sorted(rows)]
    columns = ("sha256", "stix_id", "content")
    insert_rows(session, StoredObject, columns, new_rows, pass_over_known=True)


def find(session: Session, sha256: str) -> StixObject | None:
    """Give the object with this hash, or `None` where its bytes are not here."""
    content = session.scalar(select(StoredObject.content).where(StoredObject.sha256 == sha256))
    return None if content is None else StixObject.read(content)


def find_contents(session: Session, hashes: Iterable[str]) -> dict[str, bytes]:
    """Give hash → canonical bytes for those of the hashes that are here."""
    query = select(StoredObject.sha256, StoredObject.content)
    rows = session.execute(query.where(among(session, StoredObject.sha256, hashes)))
    return dict(rows.all())


def delete_content(session: Session, hashes: Bag[str]) -> frozenset[str]:
    """Delete the bytes of those objects that no collection shows any more; give their hashes.

    Whoever recalls an object hides it first. Bytes that another collection still shows stay:
    nothing that happens in one channel reaches into another.
    """
    shown = exists().where(CollectionRow.sha256 == StoredObject.sha256, ~CollectionRow.hidden)
    deletion = delete(StoredObject).where(among(session, StoredObject.sha256, hashes), ~shown)
    returning = deletion.returning(StoredObject.sha256)
    return frozenset(session.scalars(returning, execution_options={"synchronize_session": False}))


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut values into lists of at most `size`, so that no statement grows without bound."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def is_stix_id(text: str) -> bool:
    """Tell whether this is a STIX id: a type, two hyphens, a UUID in lower case.

    Source: STIX 2.1, 2.9.
    """
    return len(text) in _ID_LENGTHS and _ID.fullmatch(text) is not None


def _is_type(text: str) -> bool:
    return len(text) in _TYPE_LENGTHS and _TYPE.fullmatch(text) is not None


def _read_identity(value: Mapping[str, Any]) -> tuple[str, str]:
    stix_type, stix_id = value.get("type"), value.get("id")
    if not isinstance(stix_type, str):
        raise MalformedError("“type” is missing or no STIX type", field="type")
    if stix_type == "bundle":
        raise MalformedError("a STIX bundle is a container and no object", field="type")
    if isinstance(stix_id, str) and is_stix_id(stix_id) and stix_id[:_BEFORE_UUID] == stix_type:
        return stix_type, stix_id
    if not _is_type(stix_type):
        raise MalformedError("“type” is missing or no STIX type", field="type")
    if not isinstance(stix_id, str) or not is_stix_id(stix_id):
        raise MalformedError("“id” is missing or no STIX id (type--UUID, lower case)", field="id")
    raise MalformedError(f"“id” does not begin with the type “{stix_type[:60]}”", field="id")


def _as_kept(value: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Give the bytes that are kept, and what they say: what came as `1.0` is 1 there."""
    content, reads_back = canonical_form(value)
    return content, value if reads_back else orjson.loads(content)


def _read_timestamp(text: Any, name: str) -> None:
    if not isinstance(text, str):
        raise MalformedError(f"“{name}” is not a time", field=name)
    try:
        read_instant(text, field=name)
    except InvalidError as error:
        raise MalformedError(error.message, field=name) from None
