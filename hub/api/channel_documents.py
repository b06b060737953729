"""Channels as the API and `--json` give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from federation.archive.file_intake import Admitted, TakenIn
from federation.judging.bundles import Position
from federation.judging.judged import Judged
from federation.ledgers.channels import Written
from hub.api.channel_models import (
    ChannelOut,
    DecidedOut,
    EntryOut,
    FileTakenOut,
    MemberOut,
    PendingOut,
    ReceivedInvitationOut,
    VerificationOut,
    WrittenOut,
)
from hub.channels import history, queries
from hub.channels.invitations import InvitationRow
from hub.channels.kept_words import KeptWords
from hub.channels.member_queries import MemberRow
from policies.acts import Act


def channel_document(row: queries.ChannelSummary) -> ChannelOut:
    """Give a channel as the API shows it."""
    return ChannelOut.model_validate(row, from_attributes=True)


def entry_document(row: history.Entry) -> EntryOut:
    """Give an entry as the API shows it."""
    return EntryOut.model_validate(row, from_attributes=True)


def member_document(row: MemberRow) -> MemberOut:
    """Give a member as the API shows it."""
    return MemberOut.model_validate(row, from_attributes=True)


def pending_document(row: queries.PendingRow, kept: Mapping[str, KeptWords]) -> PendingOut:
    """Give a contribution as the API shows it.

    Args:
        kept: hash → what it says.
    """
    words = kept.get(row.sha256)
    text = words.text if words is not None else None
    return PendingOut.model_validate(asdict(row) | {"text": text})


def verification_document(row: queries.Verification) -> VerificationOut:
    """Give the state of our copy as the API shows it."""
    return VerificationOut.model_validate(row, from_attributes=True)


def invitation_document(row: InvitationRow) -> ReceivedInvitationOut:
    """Give an invitation as the API shows it."""
    return ReceivedInvitationOut.model_validate(row, from_attributes=True)


def written_document(channel: str, act: Act, written: Written) -> WrittenOut:
    """Give what became of a write as the API shows it."""
    if written.entry is not None:
        return entry_written(channel, act, written.entry)
    return WrittenOut(
        channel=channel,
        act=act,
        state="pending",
        epoch=None,
        seq=None,
        sha256=written.contribution or "",
    )


def entry_written(channel: str, act: Act, judged: Judged) -> WrittenOut:
    """Give an entry of ours that was just written as the API shows it."""
    epoch, seq = judged.entry.place
    return WrittenOut(
        channel=channel,
        act=act,
        state="history",
        epoch=epoch,
        seq=seq,
        sha256=judged.entry.sha256,
    )


def file_document(result: TakenIn | Admitted) -> FileTakenOut:
    """Give what a file brought."""
    if isinstance(result, Admitted):
        decided = [
            DecidedOut(
                sha256=one.sha256,
                nth=one.nth,
                act=one.act,
                admitted=one.failure is None,
                doubt=one.failure and one.failure.value,
                sentence=one.sentence,
            )
            for one in result.decided
        ]
        return FileTakenOut(
            what="contributions",
            channel=result.channel,
            head_before=None,
            head=None,
            standing=None,
            doubt=None,
            sentence=None,
            receipts=0,
            contributions=decided,
        )
    return FileTakenOut(
        what="export",
        channel=result.channel,
        head_before=_place_of(result.before),
        head=_place_of(result.after),
        standing=result.standing,
        doubt=result.doubt.doubt.value if result.doubt is not None else None,
        sentence=result.doubt.message if result.doubt is not None else None,
        receipts=result.receipts,
        contributions=[],
    )


def _place_of(head: Position | None) -> str | None:
    return f"{head.epoch}/{head.seq}" if head is not None else None
