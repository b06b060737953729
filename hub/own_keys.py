"""The keys of our own node as people change them: the right asked, the act done and written down.

Pages, REST and commands call these; the acts themselves are `federation`'s. Each change goes into
every channel that we are a member of, in the same transaction.

Source: protocol, 2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from federation.identity import key_changes
from federation.identity.descriptor import Descriptor, KeyUse
from federation.identity.keys import PrivateKey
from federation.ledgers import describing
from federation.ledgers.channels import Written
from federation.ledgers.describing import Told
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels.history import Entry, entries_of
from hub.channels.names import channel_name
from hub.office import Office
from policies.errors import InvalidError
from policies.roles import Right


@dataclass(frozen=True)
class Changed:
    """A change of our keys, and where it was said.

    Args:
        descriptor: what we say of ourselves from now on.
        told: the channels, by whether their ledger says it already.
    """

    descriptor: Descriptor
    told: Told


def rotate(
    session: Session, office: Office, actor: Actor, uses: Collection[KeyUse], *, now: datetime
) -> Changed:
    """Take new keys into use and retire the old ones: good practice, or somebody has left.

    Raises:
        ForbiddenError: the actor does not manage keys.
        InvalidError: no use was named.
        UnavailableError: the private signing key is not here: then it takes the recovery key.
    """
    actor.may(Right.MANAGE_KEYS).enforce()
    if not uses:
        raise InvalidError("which keys: for signing, for transport, or both?", field="uses")
    keys = office.keys
    descriptor = key_changes.rotate_keys(session, keys.store, uses, ring=keys.ring(), now=now)
    return _tell(session, office, actor, descriptor, "node.keys_rotated", now=now)


def revoke(
    session: Session,
    office: Office,
    actor: Actor,
    thumbprint: str,
    *,
    recovery: PrivateKey,
    since: datetime,
    now: datetime,
) -> Changed:
    """Revoke one key that somebody else has or may have.

    Raises:
        ForbiddenError: the actor does not manage keys.
        NotFoundError: there is no such key.
        ConflictError: it was revoked before.
        InvalidError: this is not our recovery key.
    """
    actor.may(Right.MANAGE_KEYS).enforce()
    descriptor = key_changes.revoke_key(
        session, office.keys.store, thumbprint, recovery=recovery, since=since, now=now
    )
    describing.thaw(session, now=now)
    return _tell(session, office, actor, descriptor, "node.key_revoked", now=now)


def recover(
    session: Session,
    office: Office,
    actor: Actor,
    *,
    recovery: PrivateKey,
    new_recovery: PrivateKey | None = None,
    since: datetime,
    now: datetime,
) -> Changed:
    """Begin anew with the recovery key: the keys in use are lost, or somebody else has them.

    Raises:
        ForbiddenError: the actor does not manage keys.
        InvalidError: this is not our recovery key.
    """
    actor.may(Right.MANAGE_KEYS).enforce()
    descriptor = key_changes.recover(
        session,
        office.keys.store,
        recovery=recovery,
        new_recovery=new_recovery,
        since=since,
        now=now,
    )
    describing.thaw(session, now=now)
    if new_recovery is not None:
        subject = new_recovery.thumbprint
        audit.record(session, actor, "node.recovery_key_replaced", subject, now=now)
    return _tell(session, office, actor, descriptor, "node.recovered", now=now)


@dataclass(frozen=True)
class DoubtfulRow:
    """One entry that somebody else may have signed with a key of ours.

    Args:
        why: what is wrong with its key.
        admission: the act is another organisation's own; in doubt is that, when and in which order
            we admitted it.
    """

    entry: Entry
    place: str
    why: str
    admission: bool = False


def visible_doubtful(session: Session, office: Office, actor: Actor) -> list[DoubtfulRow]:
    """Give what was signed or admitted in channels with a key that we revoked; newest first.

    What our people have said to be ours, or to stand rightly where it stands, is left out.

    Raises:
        ForbiddenError: the actor reads neither the audit log nor channels.
    """
    actor.may(Right.READ_AUDIT).enforce()
    desk = office.desk(session)
    found = [(*one, False) for one in describing.find_doubtful(session, desk)]
    found += [(*one, True) for one in describing.find_doubtful_admissions(session, desk)]
    entries = entries_of(session, actor, [record for record, _, _ in found])
    rows = [
        DoubtfulRow(entry, channel_name(session, entry.channel), why, admission)
        for entry, (_, why, admission) in zip(entries, found, strict=True)
    ]
    rows.sort(key=lambda row: (row.entry.at, row.entry.channel, row.entry.seq), reverse=True)
    return rows


def disown(
    session: Session,
    office: Office,
    actor: Actor,
    channel: str,
    bundles: Sequence[str],
    *,
    now: datetime,
) -> Written:
    """Say in a channel that bundles in our name are not ours; what they brought goes out of sight.

    Raises:
        ForbiddenError: the actor does not manage keys.
        NotFoundError: there is no such channel.
        InvalidError: one of them is not in doubt, or is another organisation's own word.
    """
    actor.may(Right.MANAGE_KEYS).enforce()
    written = describing.disown(
        session, office.desk(session), channel, bundles, by=actor.name, now=now
    )
    subject = f"{channel} {' '.join(sha256[:12] for sha256 in bundles)}"
    audit.record(session, actor, "entry.disowned", subject, now=now)
    return written


def affirm(
    session: Session,
    office: Office,
    actor: Actor,
    channel: str,
    bundles: Sequence[str],
    *,
    now: datetime,
) -> None:
    """Say that doubtful entries are ours, or stand rightly: nobody here is asked about them again.

    Raises:
        ForbiddenError: the actor does not manage keys.
        InvalidError: one of them is not in doubt.
    """
    actor.may(Right.MANAGE_KEYS).enforce()
    describing.affirm(session, office.desk(session), channel, bundles, now=now)
    subject = f"{channel} {' '.join(sha256[:12] for sha256 in bundles)}"
    audit.record(session, actor, "entry.affirmed", subject, now=now)


def _tell(
    session: Session,
    office: Office,
    actor: Actor,
    descriptor: Descriptor,
    action: str,
    *,
    now: datetime,
) -> Changed:
    audit.record(session, actor, action, f"descriptor {descriptor.version}", now=now)
    told = describing.describe_everywhere(session, office.desk(session), by=actor.name, now=now)
    return Changed(descriptor, told)
