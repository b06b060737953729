"""`tocsin node rotate-key · …`: our keys over time, and what was signed with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from federation.identity.descriptor import KeyUse
from federation.identity.keys import PrivateKey
from federation.identity.keystore import read_recovery_pem, recovery_pem
from federation.identity.node import get_node
from federation.partners.partners import partners as list_partners
from hub import clock, own_keys
from hub.accounts.actor import Actor
from hub.api.node import node_document
from hub.commands import frame
from hub.commands.names import get_channel_named
from hub.office import current_office
from hub.settings import write_private
from policies.errors import ConflictError, InvalidError, UnavailableError
from sharing.canonical import read_time, write_time
from sharing.db import reading, transaction

_RECOVERY_LIMIT_BYTES: Final = 4096
_DOUBTFUL_COLUMNS: Final = {
    "place": "channel",
    "entry": "entry",
    "at": "written",
    "says": "what it says",
    "doubtful": "in doubt",
    "why": "why",
}

_with_recovery_key = click.option(
    "--recovery-key",
    "recovery_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file with the recovery key. Take it away again afterwards.",
)
_since = click.option(
    "--since",
    help="From when on the key can't be believed, like 2026-03-01T14:30:00Z; now without it.",
)


@click.command("rotate-key")
@click.option(
    "--use",
    "uses",
    type=click.Choice([use.value for use in KeyUse]),
    multiple=True,
    help="Only the keys for this; both without it.",
)
@frame.as_json
@frame.refusing
def rotate_key(uses: tuple[str, ...], *, as_json: bool) -> None:
    """Take new keys into use and retire the old ones. It needs no recovery key.

    For good practice, and when somebody leaves who could read the key folder. Where a key may be
    in other hands, revoke it instead.
    """
    with frame.node():
        wanted = [KeyUse(use) for use in uses] or list(KeyUse)
        with transaction() as session:
            changed = own_keys.rotate(
                session, current_office(), frame.console_actor(), wanted, now=clock.utcnow()
            )
        _show_changed(changed, "the keys are rotated; the old ones are retired", as_json=as_json)


@click.command("revoke-key")
@click.argument("thumbprint")
@_with_recovery_key
@_since
@frame.as_json
@frame.refusing
def revoke_key(thumbprint: str, recovery_file: Path, since: str | None, *, as_json: bool) -> None:
    """Revoke the key THUMBPRINT because somebody else has it, or may have it.

    What it signed from SINCE on is shown as doubtful to everybody, until you disown it or leave it.
    A new key takes its place where none is left in use.
    """
    with frame.node():
        recovery = _read_recovery_key(recovery_file)
        now = clock.utcnow()
        with transaction() as session:
            changed = own_keys.revoke(
                session,
                current_office(),
                frame.console_actor(),
                thumbprint,
                recovery=recovery,
                since=read_time(since, field="since") if since is not None else now,
                now=now,
            )
        _show_changed(changed, f"the key {thumbprint} is revoked", as_json=as_json)


@click.command("recover")
@_with_recovery_key
@click.option(
    "--new-recovery-key",
    "new_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Replace the recovery key too, and write the new one to this file.",
)
@_since
@frame.as_json
@frame.refusing
def recover(
    recovery_file: Path, new_file: Path | None, since: str | None, *, as_json: bool
) -> None:
    """Begin anew with the recovery key: all keys in use are lost, or in other hands.

    They are revoked and new ones made. It also ends a fork of your descriptors: its word counts
    over whatever was said with the other keys.
    """
    with frame.node():
        recovery = _read_recovery_key(recovery_file)
        new = PrivateKey.generate() if new_file is not None else None
        if new is not None and new_file is not None:
            if new_file.exists():
                raise ConflictError(f"{new_file} exists, and nothing is written over it")
            # It is on the disk before anybody counts on it.
            write_private(new_file, recovery_pem(new).encode())
        now = clock.utcnow()
        with transaction() as session:
            changed = own_keys.recover(
                session,
                current_office(),
                frame.console_actor(),
                recovery=recovery,
                new_recovery=new,
                since=read_time(since, field="since") if since is not None else now,
                now=now,
            )
        first = "all keys in use are revoked; new ones are in place"
        if new is not None:
            first += f"\nnew recovery key {new.thumbprint}: {new_file}\n"
            first += "Take it away from this node and destroy the old one."
        _show_changed(changed, first, as_json=as_json)


@click.command("doubtful")
@frame.as_json
@frame.refusing
def doubtful(*, as_json: bool) -> None:
    """List what was signed or admitted in channels with a key that we revoked.

    Ask your people of each: was this you? What was not, disown: tocsin node disown
    CHANNEL ENTRY. What was, note: tocsin node affirm CHANNEL ENTRY

    Where only the admission is in doubt, the words are their author's, and are not disowned here.
    Ask the author when it was sent. If it stands rightly, affirm it; if it may not stand there,
    open the channel anew on an entry before it: tocsin channel repair CHANNEL --reopen --at ENTRY
    """
    with frame.node(), reading() as session:
        rows = own_keys.visible_doubtful(session, current_office(), frame.console_actor())
        shown = [_doubtful_document(row) for row in rows]
    nothing = "nothing in any channel is in doubt in our name, and nothing that we admitted"
    frame.show_table(shown, _DOUBTFUL_COLUMNS, as_json=as_json, nothing=nothing)


@click.command("disown")
@click.argument("channel")
@click.argument("entries", nargs=-1, required=True)
@frame.as_json
@frame.refusing
def disown(channel: str, entries: tuple[str, ...], *, as_json: bool) -> None:
    """Say in CHANNEL that ENTRIES in our name are not ours: somebody had our key.

    An entry is EPOCH/SEQ, as `tocsin node doubtful` shows it. What it brought goes out of sight
    at every member; what it changed of membership or coordination stays until it is mended.
    """
    with frame.node():
        actor, office = frame.console_actor(), current_office()
        with transaction() as session:
            channel_id, bundles = _get_doubtful(session, actor, channel, entries)
            written = own_keys.disown(
                session, office, actor, channel_id, bundles, now=clock.utcnow()
            )
        told = "the history says so" if written.entry is not None else "the owner is being told"
        document = {"channel": channel_id, "disowned": bundles, "history": bool(written.entry)}
        line = f"disowned {len(bundles)} in {channel}: {told}"
        frame.show(document, as_json=as_json, line=line)


@click.command("affirm")
@click.argument("channel")
@click.argument("entries", nargs=-1, required=True)
@frame.as_json
@frame.refusing
def affirm(channel: str, entries: tuple[str, ...], *, as_json: bool) -> None:
    """Note that doubtful ENTRIES in CHANNEL are ours: nobody here is asked about them again."""
    with frame.node():
        actor, office = frame.console_actor(), current_office()
        with transaction() as session:
            channel_id, bundles = _get_doubtful(session, actor, channel, entries)
            own_keys.affirm(session, office, actor, channel_id, bundles, now=clock.utcnow())
        document = {"channel": channel_id, "affirmed": bundles}
        frame.show(document, as_json=as_json, line=f"noted: {len(bundles)} in {channel} are ours")


def _get_doubtful(
    session: Session, actor: Actor, channel: str, entries: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Give the channel and the bundles that somebody named by EPOCH/SEQ.

    Raises:
        NotFoundError: there is no such channel.
        InvalidError: one of the entries is not in doubt.
    """
    channel_id = get_channel_named(session, actor, channel)
    known = {
        f"{row.entry.epoch}/{row.entry.seq}": row.entry.bundle
        for row in own_keys.visible_doubtful(session, current_office(), actor)
        if row.entry.channel == channel_id
    }
    other = [entry for entry in entries if entry not in known]
    if other:
        raise InvalidError(
            f"entry {other[0]} is not in doubt in our name",
            field="entries",
            hint="See: tocsin node doubtful",
        )
    return channel_id, [known[entry] for entry in entries]


def _doubtful_document(row: own_keys.DoubtfulRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "channel": entry.channel,
        "place": row.place,
        "entry": f"{entry.epoch}/{entry.seq}",
        "at": write_time(entry.at),
        "says": entry.sentence,
        "doubtful": "its admission" if row.admission else "its author",
        "why": row.why,
        "bundle": entry.bundle,
    }


def _read_recovery_key(path: Path) -> PrivateKey:
    """Read the recovery key that was brought back for this one act.

    Raises:
        UnavailableError: the file can't be read.
        InvalidError: it holds no recovery key.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(_RECOVERY_LIMIT_BYTES)
    except OSError as error:
        raise UnavailableError(f"{path} can't be read: {error.strerror}") from error
    try:
        return read_recovery_pem(text.decode("ascii"))
    except UnicodeDecodeError:
        raise InvalidError("this is not a recovery key", field="recovery_key") from None


def _show_changed(changed: own_keys.Changed, first: str, *, as_json: bool) -> None:
    """Say what was done, what happens next, and whom to call."""
    told = changed.told
    with reading() as session:
        partners = [one.name for one in list_partners(session) if one.active]
        document = node_document(get_node(session)).model_dump(mode="json") | {
            "told": {"history": told.history, "pending": told.pending, "later": told.later}
        }
    lines = [
        first,
        f"descriptor version {changed.descriptor.version} says so",
        (
            f"channels: {len(told.history)} of yours say it already, to the owners of "
            f"{len(told.pending)} it is on the way, {len(told.later)} will be told later"
        ),
        "Partners hear of it by themselves within five minutes; nothing has to be typed there.",
    ]
    if any(entry.revoked_at for entry in changed.descriptor.keys):
        names = ", ".join(frame.printable(name) for name in partners) or "nobody yet"
        lines += [
            f"Call your partners now, with a number you know: {names}.",
            "Then look at what the key signed: tocsin node doubtful",
            "Where you coordinate, open a new epoch: tocsin channel repair CHANNEL --reopen",
        ]
    frame.show(document, as_json=as_json, line="\n".join(lines))


COMMANDS: Final = (rotate_key, revoke_key, recover, doubtful, disown, affirm)
