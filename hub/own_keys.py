"""The keys of our own node as people change them: the right asked, the act done and written down.

Pages, REST and commands call these; the acts themselves are `federation`'s. Each change goes into
every channel that we are a member of, in the same transaction.

Source: protocol, 2.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from federation import describing, key_changes
from federation.describing import Told
from federation.descriptor import Descriptor, KeyUse
from federation.keys import PrivateKey
from hub.accounts.actor import Actor
from hub.audit import service as audit
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
