"""What authors do not offer again by themselves: matter that a left branch had kept from somebody.

Where a channel goes back to an older head, who had been removed or had left since may read again.
What was written for the smaller audience is shown to its author, who writes it again or does not.

Source: protocol, 8 and 11; domain (who will see this, before every share).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt
from federation.judging.state import ChannelState
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.ledger_records import ContributionRecord, Delivery, EntryRecord
from policies.tlp import TLP
from sharing.objects import StixObject

NAMED_AT_MOST = 5


def hold_back(
    session: Session,
    channel: str,
    organisation: str,
    before: ChannelState,
    after: ChannelState,
    *,
    now: datetime,
) -> None:
    """Keep what we wrote above GREEN from those who read again since the ledger went back.

    Args:
        before: the ledger at the head that was left; what stood after `after` is forgotten.
        after: the ledger at the head that it went back to.
    """
    newly = sorted(set(after.joined) - set(before.joined) - {organisation})
    if not newly:
        return
    sentence = (
        f"{_names(after, newly)} would read it, since the channel went back to an older entry. "
        "Look at who reads it now, and write it again if that is meant."
    )
    for row in left_out(session, channel):
        if _is_kept_close(row.bundle):
            row.state, row.answered_at = Delivery.REFUSED, now
            row.doubt, row.sentence = Doubt.TLP_VIOLATION.value, sentence
    for entry in own_abandoned(session, channel, organisation):
        if _is_kept_close(entry.content):
            entry.sentence = sentence
    session.flush()


def left_out(session: Session, channel: str) -> list[ContributionRecord]:
    """Give the contributions of ours that were not refused and that the ledger does not hold."""
    held = exists().where(
        EntryRecord.channel == channel,
        EntryRecord.contribution_sha256 == ContributionRecord.sha256,
    )
    return list(
        session.scalars(
            select(ContributionRecord)
            .where(
                ContributionRecord.channel == channel,
                ContributionRecord.state != Delivery.REFUSED,
                ~held,
            )
            .order_by(ContributionRecord.nth)
        )
    )


def own_abandoned(session: Session, channel: str, organisation: str) -> list[AbandonedRecord]:
    """Give what we had written as the owner of a branch, and have not offered since."""
    query = select(AbandonedRecord).where(
        AbandonedRecord.channel == channel,
        AbandonedRecord.author == organisation,
        AbandonedRecord.contribution.is_(None),
        AbandonedRecord.again.is_(None),
        AbandonedRecord.sentence.is_(None),
    )
    return list(session.scalars(query.order_by(AbandonedRecord.epoch, AbandonedRecord.seq)))


def _is_kept_close(content: bytes) -> bool:
    """Tell whether a bundle covers anything above GREEN, by the labels that it states."""
    contents = SignedBundle.read(StixObject.read(content)).contents
    return any(item.tlp is not None and not TLP.GREEN.allows(item.tlp) for item in contents)


def _names(state: ChannelState, organisations: Iterable[str]) -> str:
    listed = list(organisations)
    descriptors = [(one, state.descriptor(one)) for one in listed[:NAMED_AT_MOST]]
    names = [found.name[:80] if found is not None else one for one, found in descriptors]
    more = len(listed) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
