"""`tocsin partner`: pairing with other organisations, and the partnerships that came of it."""

from __future__ import annotations

import shlex
import sys
from typing import Any, Final

import click

from federation.identity.key_state import KeyStanding
from federation.partners import partners, throttling
from federation.partners.invitations import LIFE, read_invitation
from federation.partners.partner_records import PartnerState
from federation.partners.partners import Partner
from hub import clock, partnerships
from hub.api.partner_models import PartnerDetailOut, partner_detail
from hub.commands import frame
from hub.commands.names import get_partner_named
from hub.office import current_office
from policies.errors import ConflictError, NotFoundError
from sharing.db import reading, transaction

COLUMNS: Final = {
    "name": "name",
    "state": "state",
    "phrase_compared": "phrase compared",
    "heard_at": "last heard",
    "base_url": "address",
    "organisation": "organisation",
}
_MET: Final = (PartnerState.TO_CONFIRM, PartnerState.ACTIVE, PartnerState.SUSPENDED)
_MAX_LINE_CHARACTERS: Final = 2000


@click.group("partner")
def command() -> None:
    """Pair with other organisations.

    NAME is the organisation's name, where only one has it, or its id.
    """


@command.command("invite")
@click.option("--note", help="For whom it is meant, in your words; never sent.")
@frame.as_json
@frame.refusing
def invite(note: str | None, *, as_json: bool) -> None:
    """Make an invitation: one line, for one use, shown this once.

    Give it to the other side's administrator, who pastes it into `tocsin partner accept`.
    """
    with frame.node():
        now = clock.utcnow()
        with transaction() as session:
            invitation = partnerships.invite(session, frame.console_actor(), note=note, now=now)
        document = {"line": invitation.line, "expires_at": now + LIFE, "note": note}
        frame.show(document, as_json=as_json, line=invitation.line)


@command.command("accept")
@click.argument("line", nargs=-1, required=True)
@frame.as_json
@frame.refusing
def accept(line: tuple[str, ...], *, as_json: bool) -> None:
    """Answer an invitation; a dash reads LINE from standard input.

    Then compare the eight words over the telephone, and confirm on both sides.
    """
    text = " ".join(line)
    if line == ("-",):
        text = sys.stdin.read(_MAX_LINE_CHARACTERS)
    with frame.node():
        actor = frame.console_actor()
        try:
            partner = partnerships.accept(
                current_office().exchanges, actor, text, now=clock.utcnow()
            )
            is_new = True
        except NotFoundError:
            # Its one use may have been ours, a moment ago.
            met = _find_met(text)
            if met is None:
                raise
            partner, is_new = met, False
        document = _detail(partner)
        words = "answered" if is_new else "has our answer already"
        show_detail(document, as_json=as_json, first=f"{partner.name} {words}")


@command.command("confirm")
@click.argument("name")
@click.option(
    "--compared/--not-compared",
    default=None,
    help="Whether the eight words were compared over another way, such as the telephone.",
)
@frame.as_json
@frame.refusing
def confirm(name: str, *, compared: bool | None, as_json: bool) -> None:
    """Confirm that NAME is the organisation it claims to be.

    A partnership is active once both sides have confirmed.
    """
    with frame.node():
        with reading() as session:
            partner = get_partner_named(session, name)
            phrase = " ".join(partner_detail(session, partner).phrase)
        if partner.confirmed_at is None:
            if compared is None:
                compared = _ask_compared(partner.name, phrase)
            partner = partnerships.confirm(
                current_office().exchanges,
                frame.console_actor(),
                partner.organisation,
                compared=compared,
                now=clock.utcnow(),
            )
        elif partner.state is PartnerState.TO_CONFIRM:
            current_office().exchanges.deliver_confirmations(partner.organisation)
            with reading() as session:
                partner = partners.get_partner(session, partner.organisation)
        elif not partner.active:
            raise ConflictError(f"there is nothing to confirm: {partner.name} is {partner.state}")
        words = (
            "is confirmed by both sides; the exchange begins"
            if partner.active
            else "is confirmed; now its administrator has to confirm you"
        )
        show_detail(_detail(partner), as_json=as_json, first=f"{partner.name} {words}")


@command.command("list")
@frame.as_json
@frame.refusing
def list_partners(*, as_json: bool) -> None:
    """List the partnerships."""
    with frame.node(), reading() as session:
        rows = [
            partner_detail(session, partner).model_dump(mode="json")
            for partner in partners.partners(session)
        ]
    nothing = "nobody yet; begin with: tocsin partner invite"
    frame.show_table(rows, COLUMNS, as_json=as_json, nothing=nothing)


@command.command("show")
@click.argument("name")
@frame.as_json
@frame.refusing
def show(name: str, *, as_json: bool) -> None:
    """Show one partnership, with the words to compare."""
    with frame.node():
        with reading() as session:
            partner = get_partner_named(session, name)
        first = f"{partner.name} is {partner.state}"
        show_detail(_detail(partner), as_json=as_json, first=first)


@command.command("suspend")
@click.argument("name")
@click.option("--reason", help="For our own record; never sent.")
@frame.as_json
@frame.refusing
def suspend(name: str, reason: str | None, *, as_json: bool) -> None:
    """Stop all exchange with NAME at once; nothing is deleted."""
    with frame.node():
        with transaction() as session:
            partner = get_partner_named(session, name)
            if partner.state is not PartnerState.SUSPENDED:
                partner = partnerships.suspend(
                    session,
                    frame.console_actor(),
                    partner.organisation,
                    reason=reason,
                    now=clock.utcnow(),
                )
        first = f"nothing is exchanged with {partner.name} until it is resumed"
        show_detail(_detail(partner), as_json=as_json, first=first)


@command.command("resume")
@click.argument("name")
@frame.as_json
@frame.refusing
def resume(name: str, *, as_json: bool) -> None:
    """Take up the exchange with NAME again."""
    with frame.node():
        with transaction() as session:
            partner = get_partner_named(session, name)
            if not partner.active:
                partner = partnerships.resume(
                    session, frame.console_actor(), partner.organisation, now=clock.utcnow()
                )
        first = f"the exchange with {partner.name} goes on"
        show_detail(_detail(partner), as_json=as_json, first=first)


@command.command("quota")
@click.argument("name")
@click.argument("percent", type=click.IntRange(throttling.LEAST_PERCENT, throttling.MOST_PERCENT))
@frame.as_json
@frame.refusing
def quota(name: str, percent: int, *, as_json: bool) -> None:
    """Allow NAME to ask PERCENT of what every partner may ask of this node; 100 is usual."""
    with frame.node():
        with transaction() as session:
            partner = get_partner_named(session, name)
            partner = partnerships.set_quota(
                session, frame.console_actor(), partner.organisation, percent, now=clock.utcnow()
            )
        first = f"{partner.name} may ask {percent} percent of what is usual"
        show_detail(_detail(partner), as_json=as_json, first=first)


@command.command("end")
@click.argument("name")
@click.option("--reason", help="For our own record; never sent.")
@frame.as_json
@frame.refusing
def end(name: str, reason: str | None, *, as_json: bool) -> None:
    """End the partnership with NAME; a new invitation can begin another."""
    with frame.node():
        with transaction() as session:
            partner = get_partner_named(session, name)
            if partner.state is not PartnerState.ENDED:
                partner = partnerships.end(
                    session,
                    frame.console_actor(),
                    partner.organisation,
                    reason=reason,
                    now=clock.utcnow(),
                )
        first = f"the partnership with {partner.name} has ended"
        show_detail(_detail(partner), as_json=as_json, first=first)


def show_detail(document: PartnerDetailOut, *, as_json: bool, first: str) -> None:
    """Print one partnership: what was done in the first line, then what matters now."""
    lines = [
        frame.printable(first),
        f"  organisation  {document.organisation}",
        f"  address       {frame.printable(document.base_url)}",
    ]
    if document.state is PartnerState.TO_CONFIRM:
        lines.append(f"  words         {' '.join(document.phrase)}")
        if document.confirmed_at is None:
            name = shlex.quote(frame.printable(document.name))
            lines.append(f"  next          tocsin partner confirm {name} --compared")
    if document.confirmed_at is not None and not document.phrase_compared:
        lines.append("  unverified    the words were not compared")
    if document.key_state is not None:
        state = document.key_state
        lines.append(f"  keys          {state.standing} since {state.since:%Y-%m-%d %H:%M} UTC")
        if state.standing is not KeyStanding.IN_ORDER:
            lines.append(f"                {state.sentence}")
    if document.stopped_by is not None:
        lines.append("  stopped       it showed two different descriptors of one version")
    if document.throttled is not None:
        since, count = document.throttled.since, document.throttled.refused_count
        lines.append(f"  throttled     since {since:%H:%M} UTC, {count} requests refused")
    if document.failure is not None:
        lines.append(f"  trouble       {frame.printable(document.failure)}")
    value: dict[str, Any] = document.model_dump(mode="json")
    frame.show(value, as_json=as_json, line="\n".join(lines))


def _detail(partner: Partner) -> PartnerDetailOut:
    with reading() as session:
        return partner_detail(session, partner)


def _find_met(line: str) -> Partner | None:
    """Find the partner whose invitation this is, where it has our answer."""
    thumbprint = read_invitation(line).recovery_thumbprint
    with reading() as session:
        met = (row for row in partners.partners(session) if row.state in _MET)
        return next((row for row in met if row.recovery_thumbprint == thumbprint), None)


def _ask_compared(name: str, phrase: str) -> bool:
    """Ask on a terminal; anywhere else it has to be said.

    Raises:
        UsageError: nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("say --compared or --not-compared")
    click.echo(f"Call {frame.printable(name)} and compare these words:\n\n  {phrase}\n")
    answer: bool = click.confirm("Did they read you the same words?")
    if not answer:
        raise ConflictError(
            "nothing was confirmed", hint="If the words differ, somebody stands in between."
        )
    return True
