"""The questions that everybody asks the tables: may this act be written now, and what follows.

Source: lifecycles, 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from policies.acts import ACTS, Act, ChannelKind
from policies.decision import Decision
from policies.lifecycles.effects import EFFECTS
from policies.lifecycles.guards import GUARDS
from policies.lifecycles.mechanism import (
    CHANNEL,
    NONE,
    SAME,
    Change,
    Row,
    Ruling,
    Situation,
    Subject,
    Table,
    TableSet,
    Who,
)
from policies.lifecycles.version_1 import VERSION_1
from policies.roles import takes_part

TABLES: Final[Mapping[str, TableSet]] = {VERSION_1.version: VERSION_1}
"""Version → tables; `channel.opened` names the version of its epoch."""

_ANYTHING: Final = ""
"""The subject where nothing is named: an organisation that no act has touched, an own object."""

_AFTER_HANDING_OVER: Final = frozenset({Act.CHANNEL_OPENED, Act.SUCCESSION_ENDORSED})


def knows(version: str, act_text: str) -> Act | None:
    """Give the act of that name, or `None` where this version of the tables has none.

    Source: coordination protocol, 7 (`unknown_act`).
    """
    tables = TABLES.get(version)
    return None if tables is None else tables.find_act(act_text)


def rule(version: str, act: Act, situation: Situation) -> Ruling:
    """Decide whether the act holds here and now, and what it changes.

    It is a function of the ledger alone: every node that asks it with the same ledger gets the
    same answer. An act about several things holds for all of them or for none.

    In a direct channel its owner alone writes. What has its state in another channel (an
    invitation, leaving) is a word there: it is taken in, and changes nothing.

    Args:
        version: of the tables, as the epoch's `channel.opened` names it.
        act: what the bundle does.
        situation: what the ledger says just before.

    Source: lifecycles, 1, rules 1 to 8.
    """
    tables = TABLES.get(version)
    table = tables.find_table(act) if tables is not None else None
    if table is None:
        return Ruling(Decision.no(f"version {version[:8]} of the tables does not know {act}"))
    subjects = _subjects(table, act, situation)
    reason = _closed(version, act, situation)
    if reason is not None:
        return _refuse(version, table, subjects[0], situation, reason)
    if situation.kind not in table.kinds:
        return _take_word(version, table, act, situation)
    changes: list[Change] = []
    for subject in subjects:
        row, reason = _find_row(table, act, subject, situation)
        if row is None:
            return _refuse(version, table, subject, situation, reason)
        changes += _changes(table, row, subject, situation)
    # What is kept once for several things is said once.
    once = {(change.thing, change.subject): change for change in changes}
    return Ruling(Decision.yes(), tuple(once.values()))


def open_acts(
    version: str, situation: Situation, among: Collection[Act] | None = None
) -> frozenset[Act]:
    """Give the acts that the author could write now: `rule` takes each with a fitting body.

    Where the situation's body names an organisation or objects, acts about organisations or
    objects are judged about those; `on_behalf_of` asks for what could be relayed. Where it names
    none, they are offered if they are open about some joined member, or an organisation that no
    act has touched, or some object of the author's. What is asked of organisations is offered if
    it is open about all that the body names, or about some member where it names none.

    Args:
        among: look at these alone.
    """
    tables = TABLES.get(version)
    acts = tables.acts if tables is not None else ()
    return frozenset(
        act for act in acts if (among is None or act in among) and _is_open(version, act, situation)
    )


def _is_open(version: str, act: Act, situation: Situation) -> bool:
    table = TABLES[version].find_table(act)
    if table is None or _closed(version, act, situation) is not None:
        return False
    if situation.kind not in table.kinds:
        return True
    if table.of is Subject.ORGANISATION and not table.is_about_self(act):
        named = situation.body.get("organisation")
        subjects = (named,) if named is not None else (*situation.members, _ANYTHING)
        return any(_could(table, act, subject, situation) for subject in subjects)
    if table.of is Subject.OBJECT_AT and not table.is_answer(act) and not situation.addressees:
        named = _named(table, situation.body)
        return any(
            _could(table, act, f"{one} {who}", situation)
            for one in named
            for who in situation.members
        )
    subjects = _subjects(table, act, situation)
    return all(_could(table, act, subject, situation) for subject in subjects)


def _could(table: Table, act: Act, subject: str, situation: Situation) -> bool:
    """Tell whether some row is open, whatever the body says."""
    rows = table.find_rows(_state(table, subject, situation), act, _who(table, subject, situation))
    return any(_failing(row, subject, situation, of_body=False) is None for row in rows)


def _closed(version: str, act: Act, situation: Situation) -> str | None:
    """Say why the channel takes this act from this author in no state, or `None`."""
    line = ACTS[act]
    if situation.kind not in line.kinds:
        return f"{act} does not belong into a {situation.kind} channel"
    theirs = situation.kind is ChannelKind.DIRECT and situation.author != situation.owner
    if theirs and act is not Act.NODE_DESCRIBED:
        # What it says of its keys goes wherever it is a member: receipts are judged by that.
        return "in a direct channel only its owner writes; the answer goes into the other side's"
    if situation.relayed:
        if situation.kind is ChannelKind.DIRECT or situation.author != situation.owner:
            return "only a coordinator relays what another organisation says"
        if not line.relayed or situation.speaker == situation.owner:
            return f"{act} can't be relayed"
    coordination = situation.state_of("coordination", CHANNEL) or NONE
    if coordination == NONE and act is not Act.CHANNEL_OPENED:
        return "the channel has not been opened"
    if coordination == "handed over" and act not in _AFTER_HANDING_OVER:
        return "the coordination is handed over; the successor opens the next epoch first"
    case = situation.known("case")
    taken = TABLES[version].still_taken.get(case) if case is not None else None
    if taken is not None and act not in taken:
        return f"a case that is {case} takes no {act}"
    return None


def _take_word(version: str, table: Table, act: Act, situation: Situation) -> Ruling:
    """Take in what has its state elsewhere.

    Source: coordination protocol, 5 (the invited).
    """
    if act is Act.MEMBER_INVITED and "channel" not in situation.body:
        reason = "the copy of an invitation names its channel, first entry and head"
        return _refuse(version, table, _ANYTHING, situation, reason)
    return Ruling(Decision.yes("taken in as its owner's word"))


def _subjects(table: Table, act: Act, situation: Situation) -> tuple[str, ...]:
    """Give what the act is about."""
    body: Mapping[str, Any] = situation.body
    match table.of:
        case Subject.CHANNEL:
            return (CHANNEL,)
        case Subject.ORGANISATION:
            if table.is_about_self(act):
                return (situation.speaker,)
            return (str(body.get("organisation", _ANYTHING)),)
        case Subject.OBJECT:
            return _named(table, body)
        case Subject.OBJECT_AT:
            about = (situation.speaker,) if table.is_answer(act) else situation.addressees
            return tuple(
                f"{stix_id} {who}"
                for stix_id in _named(table, body)
                for who in about or (_ANYTHING,)
            )


def _named(table: Table, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the objects that the body names as what the act is about."""
    named = body.get(table.named, _ANYTHING)
    return (named,) if isinstance(named, str) else tuple(named)


def _state(table: Table, subject: str, situation: Situation) -> str:
    return situation.state_of(table.thing, subject) or table.initial


def _who(table: Table, subject: str, situation: Situation) -> frozenset[Who]:
    """Tell what the speaker is here, and to the subject.

    Source: lifecycles, *Who*; 1, rule 6 for whom a coordinator speaks for.
    """
    speaker = situation.speaker
    who: set[Who] = set()
    owns = speaker == situation.owner
    roles = situation.members.get(speaker)
    absent = situation.relayed and situation.state_of("membership", speaker) == "suspended"
    in_direct = owns and situation.kind is ChannelKind.DIRECT
    if owns:
        who.add(Who.COORDINATOR)
    if roles is not None or absent or in_direct:
        who.add(Who.JOINED)
        if absent or in_direct or takes_part(roles or ()):
            who.add(Who.MEMBER)
        if situation.known("successor") == speaker:
            who.add(Who.SUCCESSOR)
        if table.of is Subject.OBJECT and _source(subject, situation) == speaker:
            who.add(Who.SOURCE)
        if table.of is Subject.OBJECT_AT and subject.rpartition(" ")[2] == speaker:
            who.add(Who.ADDRESSEE)
    if table.of is Subject.ORGANISATION and subject == speaker:
        who.add(Who.SELF)
    return frozenset(who)


def _source(stix_id: str, situation: Situation) -> str | None:
    return situation.speaker if stix_id == _ANYTHING else situation.state_of("source", stix_id)


def _find_row(table: Table, act: Act, subject: str, situation: Situation) -> tuple[Row | None, str]:
    """Give the row that decides, or why there is none."""
    state = _state(table, subject, situation)
    row = table.find_row(state, act, _who(table, subject, situation), situation.body)
    if row is None:
        fitting = [row for row in table.rows if row.act is act and state in row.states]
        fitting = [row for row in fitting if row.takes(situation.body)]
        if not fitting:
            return None, f"{act} is not open now"
        allowed = {who.value for row in fitting for who in row.who}
        return None, f"{act} is for {' or '.join(sorted(allowed))}"
    reason = _failing(row, subject, situation, of_body=False)
    if reason is None:
        reason = _failing(row, subject, situation, of_body=True)
    return (row, "") if reason is None else (None, reason)


def _failing(row: Row, subject: str, situation: Situation, *, of_body: bool) -> str | None:
    """Give the reason of the first guard that does not hold."""
    for name in row.guards:
        guard = GUARDS[name]
        reason = guard.check(situation, subject) if guard.of_body is of_body else None
        if reason is not None:
            return reason
    return None


def _changes(table: Table, row: Row, subject: str, situation: Situation) -> list[Change]:
    changes: list[Change] = []
    if row.next != SAME and row.next != _state(table, subject, situation):
        before = situation.state_of(table.thing, subject)
        changes.append(Change(table.thing, subject, before, row.next))
    for name in row.effects:
        effects = EFFECTS[name](situation, subject)
        changes += [change for change in effects if change.before != change.after]
    return changes


def _refuse(version: str, table: Table, subject: str, situation: Situation, reason: str) -> Ruling:
    """Say no, with the present state and the acts now open about the same subject.

    Source: lifecycles, 1, rule 3.
    """
    about = "" if subject in {CHANNEL, _ANYTHING} else f" of {subject}"
    state = _state(table, subject, situation)
    choices = sorted(
        act for act in table.acts if _is_open_about(version, table, act, subject, situation)
    )
    offer = ", ".join(choices) or "nothing"
    return Ruling(Decision.no(f"{reason}; {table.thing}{about} is {state}; open now: {offer}"))


def _is_open_about(
    version: str, table: Table, act: Act, subject: str, situation: Situation
) -> bool:
    if _closed(version, act, situation) is not None:
        return False
    if situation.kind not in table.kinds:
        return True
    if table.is_about_self(act) and subject != situation.speaker:
        return False
    if table.is_answer(act) and subject.rpartition(" ")[2] != situation.speaker:
        return False
    return _could(table, act, subject, situation)
