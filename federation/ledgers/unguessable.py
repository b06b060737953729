"""What we write about observables: under ids and with bytes that nobody can guess.

An observable above GREEN gets a random id and something random in it before it is signed; so does
one whose id is taken by other content in the channel. Written again, it gets the same.

Source: protocol, 5 (*Late joiners*) and 6 (*One meaning per version*).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ReissuedRecord
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.objects import StixObject
from sharing.reissue import (
    NONCE_BYTES,
    is_guessable,
    is_observable,
    refers_to,
    reissued,
    with_moved_refs,
)
from sharing.stix import new_id


def unguessable(
    session: Session,
    facts: LedgerFacts,
    author: str,
    new: Sequence[StixObject],
    labels: Mapping[str, TLP],
) -> list[StixObject]:
    """Give what is to be signed in place of what was handed in.

    Args:
        author: our organisation: what others created is never changed.
        labels: effective label by object hash.

    Raises:
        InvalidError: somebody else's object names an observable that needs another id.
    """
    records = {}
    for stix in new:
        if is_observable(stix) and _needs_another(facts, stix, labels.get(stix.sha256)):
            records[stix.stix_id] = _record(session, facts.channel, stix)
    if not records:
        return list(new)
    moved = {old: record.new_ref for old, record in records.items()}
    written = []
    for stix in new:
        creator = stix.value.get("created_by_ref")
        if creator not in (None, author) and refers_to(stix, moved):
            raise InvalidError(
                f"{stix.stix_id} is somebody else's and names an observable whose id could be "
                "guessed by who must not read it",
                field="objects",
                hint="Give the observable a random id (UUID version 4), or mark it TLP:GREEN.",
            )
        changed = with_moved_refs(stix, moved)
        record = records.get(stix.stix_id)
        if record is not None and is_observable(stix):
            changed = reissued(changed, record.new_ref, record.nonce)
        written.append(changed)
    return written


def _needs_another(facts: LedgerFacts, stix: StixObject, label: TLP | None) -> bool:
    first = facts.first_content(stix.stix_id, stix.version_ns)
    if first is not None:
        return first != stix.sha256
    return is_guessable(stix) and not (label is not None and TLP.GREEN.allows(label))


def _record(session: Session, channel: str, stix: StixObject) -> ReissuedRecord:
    """Give what an observable is called in this channel, made up where it is new."""
    record = session.get(ReissuedRecord, (channel, stix.sha256))
    if record is None:
        record = ReissuedRecord(
            channel=channel,
            sha256=stix.sha256,
            new_ref=new_id(stix.stix_type),
            nonce=secrets.token_hex(NONCE_BYTES),
        )
        session.add(record)
        session.flush()
    return record
