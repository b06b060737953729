"""Entries in plain words: one sentence that an incident handler understands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from policies.acts import ACTS, Act
from policies.errors import InvalidError
from policies.roles import read_roles
from policies.tlp import TLP
from sharing.canonical import read_time

WAY_WORDS: Final[Mapping[str, str]] = {
    "telephone": "by telephone",
    "in-person": "in person",
    "e-mail": "by e-mail",
    "message": "by message",
    "other": "by another way",
}

SKEW: Final = timedelta(minutes=5)
"""By how much clocks may differ before people are told."""

_NAMED: Final = 3
"""How many organisations a sentence names."""

Body = Mapping[str, Any]
Names = Mapping[str, str]


def describe_entry(
    act: str, body: Body, author: str, names: Names, refs: Sequence[str] = ()
) -> str:
    """Say what an entry does.

    Args:
        author: the name of its author.
        names: organisation → name.
        refs: ids of what it covers.
    """
    known = next((one for one in Act if one.value == act), None)
    if known is None:
        return f"{author} did something that this node does not know: {act}"
    speaker = f"{author}{describe_relay(body, names)}"
    words = _WORDS.get(known)
    if words is not None:
        return f"{speaker} {words(body, names, refs)}"
    return f"{speaker} {ACTS[known].says}"


def describe_clock(
    author: str, dated: datetime, ledger_time: datetime, received: datetime
) -> str | None:
    """Say what the times of an entry do not agree on; `None` where they do.

    Args:
        dated: what its author says.
        ledger_time: what the coordinator says, which counts.
        received: when it was applied here.

    Source: protocol, 14 (clock games): times are claims, skew over five minutes is flagged.
    """
    if ledger_time > received + SKEW:
        return f"dated ahead of this node’s clock: {ledger_time:%d %b, %H:%M} UTC"
    if abs(dated - ledger_time) > SKEW:
        return (
            f"{author} dates it {dated:%d %b, %H:%M} UTC; "
            f"the coordinator took it in at {ledger_time:%d %b, %H:%M} UTC, which counts"
        )
    return None


def describe_relay(body: Body, names: Names) -> str:
    """Say on whose behalf the coordinator speaks, and how it knows; empty where for itself.

    Source: lifecycles, 1, rule 6: never shown as signed by that organisation.
    """
    relay = body.get("on_behalf_of")
    if relay is None:
        return ""
    came = [WAY_WORDS.get(relay.get("way", ""), ""), _moment(str(relay.get("at", "")))]
    informant = names.get(str(relay.get("informant", "")))
    if informant:
        came.append(f"informed by {informant}")
    how = ", ".join(part for part in came if part)
    return f", on behalf of {_named(relay, names)} ({how}),"


def _moment(text: str) -> str:
    try:
        return f"{read_time(text):%d %b, %H:%M} UTC"
    except InvalidError:
        return ""


def _named(body: Body, names: Names, field: str = "organisation") -> str:
    organisation = str(body.get(field, ""))
    return names.get(organisation, organisation or "an organisation")


def _role(body: Body) -> str:
    if "role" not in body:
        return ""
    roles = " and ".join(sorted(role.value for role in read_roles(body["role"])))
    return f" as {roles}"


def _opened(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    ceiling = TLP(body.get("ceiling", "amber")).label
    if "opened_by" in body:
        return f"took the channel over and goes on with it, up to {ceiling}"
    return f"opened this {body.get('kind', '')} channel, up to {ceiling}"


def _invited(body: Body, names: Names, _refs: Sequence[str]) -> str:
    there = " to another channel" if "channel" in body else ""
    without = ", which has no node of its own" if "without_node" in body else ""
    place = f", in the place of {_named(body, names, 'replaces')}" if "replaces" in body else ""
    return f"invited {_named(body, names)}{_role(body)}{there}{without}{place}"


def _joined(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"joined{_role(body)}" + (" and accepted the charter" if "charter" in body else "")


def _intel(_body: Body, _names: Names, refs: Sequence[str]) -> str:
    return f"shared {_count(refs)}"


def _recalled(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"recalled {_count(body.get('objects', ()))}"


def _released(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"released {_count(body.get('objects', ()))} to later members"


def _ceiling(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"changed the strictest label of this channel to {TLP(body['ceiling']).label}"


def _described(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    disowned = len(body.get("disowned", ()))
    if disowned:
        what = "an entry is" if disowned == 1 else f"{disowned} entries are"
        return f"said that {what} not its own: somebody else had its key"
    return "said that the keys or the address of its node have changed"


def _reachable(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    count = len(body.get("points", ()))
    if not count:
        return "took back what it had said about how to reach it"
    return f"said how to reach it: {count} contact point{'' if count == 1 else 's'}"


def _about(verb: str) -> Callable[[Body, Names, Sequence[str]], str]:
    return lambda body, names, _refs: f"{verb} {_named(body, names)}"


def _plain(words: str) -> Callable[[Body, Names, Sequence[str]], str]:
    return lambda _body, _names, _refs: words


def _role_changed(body: Body, names: Names, _refs: Sequence[str]) -> str:
    return f"gave {_named(body, names)} another role:{_role(body).removeprefix(' as')}"


def _handed_over(body: Body, names: Names, _refs: Sequence[str]) -> str:
    return f"handed the coordination over to {_named(body, names, 'successor')}"


def _offered(body: Body, names: Names, _refs: Sequence[str]) -> str:
    return f"offered the coordination to {_named(body, names, 'successor')}"


def _count(refs: Sequence[str]) -> str:
    """Count objects by their kind: `14 indicators and 1 note`."""
    counts = Counter(str(ref).partition("--")[0].replace("-", " ") for ref in refs)
    parts = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(counts.items())]
    if not parts:
        return "something"
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _asking(verb: str) -> Callable[[Body, Names, Sequence[str]], str]:
    def words(body: Body, names: Names, _refs: Sequence[str]) -> str:
        asked = [names.get(str(one), "an organisation") for one in body.get("addressees", ())]
        named = ", ".join(asked[:_NAMED]) or "nobody"
        more = len(asked) - _NAMED
        return f"{verb} {named}" + (f" and {more} more" if more > 0 else "")

    return words


def _warned(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    affected = {"yes": "is affected", "no": "is not affected", "looking": "is still looking"}
    found = affected.get(str(body.get("affected")))
    return "read the warning" + (f", and {found}" if found else "")


def _case_opened(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    by = " by a charter" if "charter" in body else ""
    return f"opened the case{by}" + (": an exercise" if body.get("exercise") else "")


def _joint(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"put the assessments together: severity {body.get('severity', 'not stated')}"


def _response(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    return f"said how far it is: {str(body.get('state', 'unknown')).replace('-', ' ')}"


def _decided(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    topic = str(body.get("topic") or "the question").replace("-", " ")
    return f"decided {topic}: {body.get('outcome')}"


def _control(body: Body, _names: Names, _refs: Sequence[str]) -> str:
    under = body.get("under_control") == "yes"
    return "said that it is under control" if under else "said that it is not under control"


_WORDS: Final[Mapping[Act, Callable[[Body, Names, Sequence[str]], str]]] = {
    Act.CHANNEL_OPENED: _opened,
    Act.CHANNEL_CEILING_CHANGED: _ceiling,
    Act.MEMBER_INVITED: _invited,
    Act.MEMBER_JOINED: _joined,
    Act.MEMBER_UNINVITED: _about("took back the invitation of"),
    Act.MEMBER_REMOVED: _about("removed"),
    Act.MEMBER_SUSPENDED: _about("suspended"),
    Act.MEMBER_RESUMED: _about("took back in"),
    Act.MEMBER_ROLE_CHANGED: _role_changed,
    Act.HANDOVER_OFFERED: _offered,
    Act.COORDINATOR_HANDED_OVER: _handed_over,
    Act.MEMBER_DECLINED: _plain("declined the invitation"),
    Act.MEMBER_LEFT: _plain("left this channel"),
    Act.NODE_DESCRIBED: _described,
    Act.MEMBER_DESCRIBED: _reachable,
    Act.HANDOVER_ACCEPTED: _plain("accepted the coordination"),
    Act.HANDOVER_DECLINED: _plain("declined the coordination"),
    Act.HANDOVER_WITHDRAWN: _plain("took back the offer of the coordination"),
    Act.NOTE_ADDED: _plain("wrote a note"),
    Act.EVENT_ADDED: _plain("added an event to the timeline"),
    Act.OPINION_GIVEN: _plain("gave an opinion"),
    Act.SIGHTING_REPORTED: _plain("reported a sighting"),
    Act.INTEL_REVOKED: _plain("revoked intelligence that does not hold any more"),
    Act.RECALL_ANSWERED: _plain("said what became of what was recalled"),
    Act.INTEL_SHARED: _intel,
    Act.OBJECT_RECALLED: _recalled,
    Act.OBJECT_RELEASED: _released,
    Act.REPORT_SUBMITTED: _plain("submitted a report"),
    Act.REPORT_ACKNOWLEDGED: _plain("has the report, and looks into it"),
    Act.REPORT_UPDATED: _plain("added to a report"),
    Act.REPORT_TRIAGED: _plain("said what the report is taken for"),
    Act.REPORT_LINKED: _plain("made the report part of a case"),
    Act.REPORT_CLOSED: _plain("closed the report"),
    Act.REPORT_REOPENED: _plain("opened the report again"),
    Act.REPORT_WITHDRAWN: _plain("withdrew a report"),
    Act.REQUEST_ANSWERED: _plain("answered what was asked"),
    Act.REQUEST_DECLINED: _plain("declined to answer what was asked"),
    Act.REQUEST_CLOSED: _plain("closed what was asked"),
    Act.CHECK_ACKNOWLEDGED: _plain("answered the check"),
    Act.CHECK_CLOSED: _plain("ended the check"),
    Act.WARNING_UPDATED: _plain("added to the warning"),
    Act.WARNING_ENDED: _plain("ended the warning"),
    Act.CASE_ACTIVATED: _plain("started coordination"),
    Act.CASE_DECLINED: _plain("declined to coordinate"),
    Act.CASE_RECOVERED: _plain("said that those affected have recovered"),
    Act.CASE_CLOSED: _plain("closed the case"),
    Act.CASE_REOPENED: _plain("opened the case again"),
    Act.CASE_MERGED: _plain("merged this case into another"),
    Act.CASE_LINKED: _plain("named another case that has to do with this one"),
    Act.CASE_CRISIS_DECLARED: _plain("declared a crisis"),
    Act.CASE_CRISIS_ENDED: _plain("ended the crisis"),
    Act.ASSESSMENT_SUBMITTED: _plain("said how it is hit"),
    Act.DECISION_OPENED: _plain("put a question to the vote"),
    Act.DECISION_VOTED: _plain("voted"),
    Act.DECISION_LAPSED: _plain("let a question lapse: too few voted"),
    Act.DECISION_WITHDRAWN: _plain("took a question back"),
    Act.CHARTER_PROPOSED: _plain("proposed a charter"),
    Act.CHARTER_ACCEPTED: _plain("accepted the charter"),
    Act.CHARTER_DECLINED: _plain("declined the charter"),
    Act.CHARTER_IN_FORCE: _plain("put the charter into force"),
    Act.CHARTER_WITHDRAWN: _plain("took the proposed charter back"),
    Act.CHARTER_ENDED: _plain("ended the charter"),
    Act.SITREP_PUBLISHED: _plain("told how things stand"),
    Act.REQUEST_OPENED: _asking("asked"),
    Act.CHECK_CALLED: _asking("called for an answer:"),
    Act.WARNING_ISSUED: _asking("warned"),
    Act.WARNING_ACKNOWLEDGED: _warned,
    Act.CASE_OPENED: _case_opened,
    Act.ASSESSMENT_JOINED: _joint,
    Act.RESPONSE_REPORTED: _response,
    Act.DECISION_TAKEN: _decided,
    Act.CONTROL_REVIEWED: _control,
}
