"""`tocsin community charter`: proposed, answered, put in force, taken back, ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from pydantic import ValidationError
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.channel_documents import written_document
from hub.api.community_documents import community_of, terms_from_document
from hub.api.community_models import CharterEndOut, ProposedOut, TermsDocument
from hub.audit import service as audit
from hub.cases import deciding
from hub.channels.relay import WAYS, Told
from hub.commands import frame
from hub.commands.names import (
    get_charter_named,
    get_community_named,
    get_decision_named,
    get_member_named,
)
from hub.community import charters
from hub.office import current_office
from policies.acts import Act
from policies.errors import InvalidError
from sharing.canonical import BUNDLE_LIMIT_BYTES, read_json, read_time
from sharing.db import reading, transaction

Where = tuple[Session, Desk, Actor, str]
WHY: Final = click.option("--reason", required=True, help="Why; all members read it.")
ANSWER_COLUMNS: Final = {
    "name": "name",
    "answer": "says",
    "at": "when",
    "reason": "why",
}


@click.group("charter")
def charter() -> None:
    """The charter of a community: what its members agree on."""


@charter.command("show")
@click.argument("community")
@frame.as_json
@frame.refusing
def show(community: str, *, as_json: bool) -> None:
    """Show every version of a charter, and who says what to it."""
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with reading() as session:
            us = current_office().desk(session).organisation
            channel = get_community_named(session, actor, community)
            found = community_of(session, actor, channel, us=us, now=now)
        with transaction() as session:
            audit.record(session, actor, "channel.read", channel, now=now)
    document = found.model_dump(mode="json")
    if as_json:
        frame.show(document, as_json=True)
        return
    if not document["charters"]:
        frame.show(None, as_json=False, line="no charter yet")
    for version in document["charters"]:
        lines = [
            f"{version['state']}{_disowned(version)}: {version['charter']}",
            f"  {version['text'] or 'its words are not here'}",
            *([f"  why: {version['reason']}"] if version["reason"] else []),
            *([f"  not yet: {version['lacks']}"] if version["lacks"] else []),
        ]
        frame.show(None, as_json=False, line="\n".join(frame.printable(one) for one in lines))
        rows = [
            one | {"answer": one["answer"] or ("disowned" if one["disowned"] else "silent")}
            for one in version["answers"]
        ]
        frame.show_table(rows, ANSWER_COLUMNS, as_json=False, nothing="nobody is asked")


def _disowned(version: Mapping[str, Any]) -> str:
    return ", disowned" if version["disowned"] else ""


@charter.command("propose")
@click.argument("community")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option(
    "--terms",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON object as the API takes it: rules, deputies, reply_minutes and so on.",
)
@click.option("--accept-by", metavar="TIME", help="RFC 3339, UTC; in 14 days if not given.")
@frame.as_json
@frame.refusing
def propose(
    community: str, file: Path, terms: Path | None, accept_by: str | None, *, as_json: bool
) -> None:
    """Propose the words in FILE as the next charter of COMMUNITY; a dash is standard input."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8", "replace")
    until = read_time(accept_by, field="accept_by") if accept_by is not None else None
    agreed = terms_from_document(_read_terms(terms))
    with frame.node():
        with transaction() as session:
            actor = frame.console_actor()
            desk = current_office().desk(session)
            channel = get_community_named(session, actor, community)
            given = (session, desk, actor, channel)
            now = clock.utcnow()
            found = charters.propose(*given, text=text, terms=agreed, accept_by=until, now=now)
        document = ProposedOut(channel=channel, charter=found)
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=found)


@charter.command("accept")
@click.argument("community")
@click.argument("version")
@frame.as_json
@frame.refusing
def accept(community: str, version: str, *, as_json: bool) -> None:
    """Accept VERSION for our organisation: signed over the hash of its words."""
    _write(community, Act.CHARTER_ACCEPTED, charters.accept, _version(version), as_json=as_json)


@charter.command("decline")
@click.argument("community")
@click.argument("version")
@WHY
@frame.as_json
@frame.refusing
def decline(community: str, version: str, reason: str, *, as_json: bool) -> None:
    """Decline VERSION for our organisation."""
    _write(
        community,
        Act.CHARTER_DECLINED,
        charters.decline,
        _version(version),
        reason=reason,
        as_json=as_json,
    )


@charter.command("told")
@click.argument("community")
@click.argument("version")
@click.argument("organisation")
@click.argument("answer", type=click.Choice(["accepted", "declined"]))
@click.option("--text", help="What they said; why, where they decline.")
@click.option("--way", type=click.Choice(WAYS), default=WAYS[0], show_default=True)
@click.option("--informant", help="Who told it; all members read it.")
@frame.as_json
@frame.refusing
def told(
    community: str,
    version: str,
    organisation: str,
    answer: str,
    text: str | None,
    way: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Record what ORGANISATION, which can't write itself, says to VERSION."""
    now = clock.utcnow()

    def find(where: Where) -> dict[str, Any]:
        session, desk, actor, channel = where
        us = desk.organisation
        member = get_member_named(session, actor, channel, organisation, us=us, now=now)
        return {"organisation": member} | _version(version)(where)

    _write(
        community,
        Act.CHARTER_ACCEPTED if answer == "accepted" else Act.CHARTER_DECLINED,
        charters.relay_answer,
        find,
        accepts=answer == "accepted",
        told=Told(way, now, informant),
        text=text,
        as_json=as_json,
    )


@charter.command("put-in-force")
@click.argument("community")
@click.argument("version")
@frame.as_json
@frame.refusing
def put_in_force(community: str, version: str, *, as_json: bool) -> None:
    """Let VERSION bind from now on, in place of the one before."""
    find = _version(version)
    _write(community, Act.CHARTER_IN_FORCE, charters.put_in_force, find, as_json=as_json)


@charter.command("withdraw")
@click.argument("community")
@click.argument("version")
@WHY
@frame.as_json
@frame.refusing
def withdraw(community: str, version: str, reason: str, *, as_json: bool) -> None:
    """Take the proposed VERSION back."""
    _write(
        community,
        Act.CHARTER_WITHDRAWN,
        charters.withdraw,
        _version(version),
        reason=reason,
        as_json=as_json,
    )


@charter.command("end")
@click.argument("community")
@WHY
@click.option("--until", metavar="TIME", help="Where it takes a vote: RFC 3339, UTC.")
@frame.as_json
@frame.refusing
def end(community: str, reason: str, until: str | None, *, as_json: bool) -> None:
    """End the charter in force: at once where we decide that alone, else the members are asked."""
    vote_until = read_time(until, field="vote_until") if until is not None else None
    with frame.node():
        with transaction() as session:
            actor = frame.console_actor()
            desk = current_office().desk(session)
            channel = get_community_named(session, actor, community)
            given = (session, desk, actor, channel)
            now = clock.utcnow()
            written = charters.end(*given, reason=reason, vote_until=vote_until, now=now)
        document = CharterEndOut(channel=channel, state="asked" if written is None else "ended")
        line = "the members are asked" if written is None else "the charter has ended"
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=line)


@charter.command("vote")
@click.argument("community")
@click.argument("decision")
@click.argument("option")
@click.option("--dissent", help="Why otherwise; all members read it.")
@frame.as_json
@frame.refusing
def vote(community: str, decision: str, option: str, dissent: str | None, *, as_json: bool) -> None:
    """Vote OPTION on DECISION for our organisation: yes, no or abstained."""
    _write(
        community,
        Act.DECISION_VOTED,
        deciding.vote,
        _decision(decision),
        option=option,
        dissent=dissent,
        as_json=as_json,
    )


@charter.command("take")
@click.argument("community")
@click.argument("decision")
@click.argument("outcome")
@frame.as_json
@frame.refusing
def take(community: str, decision: str, outcome: str, *, as_json: bool) -> None:
    """Say that the votes on DECISION have come to OUTCOME; what follows from it is done."""
    find = _decision(decision)
    _write(community, Act.DECISION_TAKEN, charters.take, find, outcome=outcome, as_json=as_json)


@charter.command("ask-no-more")
@click.argument("community")
@click.argument("decision")
@click.option("--lapsed", is_flag=True, help="Too few have voted.")
@click.option("--reason", help="Why; all members read it.")
@frame.as_json
@frame.refusing
def ask_no_more(
    community: str, decision: str, reason: str | None, *, lapsed: bool, as_json: bool
) -> None:
    """Take the question DECISION back."""
    _write(
        community,
        Act.DECISION_LAPSED if lapsed else Act.DECISION_WITHDRAWN,
        deciding.withdraw,
        _decision(decision),
        reason=reason,
        lapsed=lapsed,
        as_json=as_json,
    )


def _version(name: str) -> Callable[[Where], dict[str, Any]]:
    def find(where: Where) -> dict[str, Any]:
        session, desk, actor, channel = where
        us, now = desk.organisation, clock.utcnow()
        return {"charter": get_charter_named(session, actor, channel, name, us=us, now=now)}

    return find


def _decision(name: str) -> Callable[[Where], dict[str, Any]]:
    def find(where: Where) -> dict[str, Any]:
        session, desk, actor, channel = where
        found = get_decision_named(session, actor, channel, name, us=desk.organisation)
        return {"decision": found}

    return find


def _write(
    community: str,
    act: Act,
    use_case: Callable[..., Written],
    find: Callable[[Where], dict[str, Any]],
    *,
    as_json: bool,
    **given: Any,
) -> None:
    with frame.node():
        with transaction() as session:
            actor, desk = frame.console_actor(), current_office().desk(session)
            where = (session, desk, actor, get_community_named(session, actor, community))
            written = use_case(*where, **find(where), **given, now=clock.utcnow())
        document = written_document(where[3], act, written)
        if document.state == "history":
            line = f"{act} is entry {document.epoch}/{document.seq}"
        else:
            line = f"{act} waits in the outbox"
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=line)


def _read_terms(file: Path | None) -> TermsDocument:
    if file is None:
        return TermsDocument()
    value = read_json(file.read_bytes(), limit_bytes=BUNDLE_LIMIT_BYTES, field="terms")
    try:
        return TermsDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{place or 'terms'}: {first['msg']}", field="terms") from None
