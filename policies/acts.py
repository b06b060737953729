"""The table of acts, and the schema of each body.

A new act is a line in `ACTS`, a schema in `schemas/`, a row in a life-cycle table, a reducer and a
test of each.

Source: domain, 4; coordination protocol, 6; lifecycles, 13.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from policies.errors import InvalidError
from policies.roles import Right


class ChannelKind(StrEnum):
    """The four kinds of channel.

    Source: coordination protocol, 5.
    """

    DIRECT = "direct"
    COMMUNITY = "community"
    CASE = "case"
    FEED = "feed"


class Act(StrEnum):
    """What a signed bundle does: a noun and a participle."""

    CHANNEL_OPENED = "channel.opened"
    ADMITTED = "admitted"
    CHANNEL_CEILING_CHANGED = "channel.ceiling_changed"
    NODE_DESCRIBED = "node.described"
    MEMBER_REQUESTED = "member.requested"
    MEMBER_REFUSED = "member.refused"
    MEMBER_INVITED = "member.invited"
    MEMBER_JOINED = "member.joined"
    MEMBER_DECLINED = "member.declined"
    MEMBER_UNINVITED = "member.uninvited"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_LIMITS_CHANGED = "member.limits_changed"
    MEMBER_SUSPENDED = "member.suspended"
    MEMBER_RESUMED = "member.resumed"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    HANDOVER_OFFERED = "handover.offered"
    HANDOVER_ACCEPTED = "handover.accepted"
    HANDOVER_DECLINED = "handover.declined"
    HANDOVER_WITHDRAWN = "handover.withdrawn"
    COORDINATOR_HANDED_OVER = "coordinator.handed_over"
    SUCCESSION_ENDORSED = "succession.endorsed"
    OBJECT_RECALLED = "object.recalled"
    OBJECT_RELEASED = "object.released"
    RECALL_ANSWERED = "recall.answered"
    NOTE_ADDED = "note.added"
    EVENT_ADDED = "event.added"
    OPINION_GIVEN = "opinion.given"
    SIGHTING_REPORTED = "sighting.reported"
    INTEL_SHARED = "intel.shared"
    INTEL_REVOKED = "intel.revoked"


@dataclass(frozen=True, slots=True)
class ActRule:
    """One line of the table of acts.

    Args:
        says: what the act tells its readers, in plain words.
        kinds: the channels that it may stand in. In a direct channel it is its owner's word, and
            what it answers is named.
        right: what a person needs on the own node to write it.
        objects: STIX types that its bundle carries, for people; nobody checks them.
        relayed: a coordinator may write it on behalf of an organisation that can't.
        later_members: what it covers goes to later members too, where its author says nothing.
    """

    says: str
    kinds: frozenset[ChannelKind]
    right: Right
    objects: tuple[str, ...] = ()
    relayed: bool = False
    later_members: bool = False


LATER_MEMBERS: Final = "later_members"
"""The property of a body by which an author opens what it covers to later members."""

_SHARED: Final = frozenset({ChannelKind.COMMUNITY, ChannelKind.CASE})
_DIRECT: Final = frozenset({ChannelKind.DIRECT})
_ALL: Final = _SHARED | _DIRECT

ACTS: Final[Mapping[Act, ActRule]] = {
    Act.CHANNEL_OPENED: ActRule(
        "opens a channel, or a new epoch of it: kind, owner, members, ceiling",
        _ALL,
        Right.OPEN_CHANNELS,
        ("identity", "incident", "grouping"),
    ),
    Act.ADMITTED: ActRule(
        "takes a member's contribution into the history",
        _SHARED,
        Right.CONTRIBUTE,
        ("signed-bundle",),
    ),
    Act.CHANNEL_CEILING_CHANGED: ActRule(
        "changes the strictest label that the channel takes", _ALL, Right.MANAGE_MEMBERS
    ),
    Act.NODE_DESCRIBED: ActRule(
        "says that a node's keys or address have changed", _ALL, Right.MANAGE_KEYS
    ),
    Act.MEMBER_REQUESTED: ActRule(
        "asks to be invited to a channel", _DIRECT, Right.ANSWER_INVITATIONS, ("note",)
    ),
    Act.MEMBER_REFUSED: ActRule(
        "refuses a request to be invited", _DIRECT, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.MEMBER_INVITED: ActRule(
        "invites an organisation, with its role and by when to answer",
        _ALL,
        Right.MANAGE_MEMBERS,
        ("identity", "note"),
    ),
    Act.MEMBER_JOINED: ActRule(
        "accepts an invitation",
        _SHARED,
        Right.ANSWER_INVITATIONS,
        ("identity", "note"),
        relayed=True,
    ),
    Act.MEMBER_DECLINED: ActRule(
        "declines an invitation", _ALL, Right.ANSWER_INVITATIONS, ("note",), relayed=True
    ),
    Act.MEMBER_UNINVITED: ActRule(
        "takes an invitation back", _ALL, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.MEMBER_ROLE_CHANGED: ActRule(
        "gives a member another role", _SHARED, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.MEMBER_LIMITS_CHANGED: ActRule(
        "says what a member takes from now on",
        _SHARED,
        Right.ANSWER_INVITATIONS,
        ("note",),
        relayed=True,
    ),
    Act.MEMBER_SUSPENDED: ActRule(
        "keeps a member out for now: its node or key is in doubt",
        _ALL,
        Right.MANAGE_MEMBERS,
        ("note",),
    ),
    Act.MEMBER_RESUMED: ActRule(
        "lets a suspended member back in, its keys checked anew",
        _ALL,
        Right.MANAGE_MEMBERS,
        ("note",),
    ),
    Act.MEMBER_LEFT: ActRule(
        "leaves the channel", _ALL, Right.ANSWER_INVITATIONS, ("note",), relayed=True
    ),
    Act.MEMBER_REMOVED: ActRule(
        "removes a member, with the reason in a note", _ALL, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.HANDOVER_OFFERED: ActRule(
        "offers the coordination to a member", _SHARED, Right.HAND_OVER, ("note",)
    ),
    Act.HANDOVER_ACCEPTED: ActRule("accepts the coordination", _SHARED, Right.HAND_OVER, ("note",)),
    Act.HANDOVER_DECLINED: ActRule(
        "declines the coordination", _SHARED, Right.HAND_OVER, ("note",)
    ),
    Act.HANDOVER_WITHDRAWN: ActRule(
        "takes the offer of the coordination back", _SHARED, Right.HAND_OVER, ("note",)
    ),
    Act.COORDINATOR_HANDED_OVER: ActRule(
        "hands the coordination over: the last entry of its epoch",
        _SHARED,
        Right.HAND_OVER,
        ("note",),
    ),
    Act.SUCCESSION_ENDORSED: ActRule(
        "wants a member to take over from a coordinator that is lost", _SHARED, Right.HAND_OVER
    ),
    Act.OBJECT_RECALLED: ActRule(
        "takes objects back: their author's word deletes them, the coordinator's hides them",
        _ALL,
        Right.RECALL,
        ("note",),
    ),
    Act.OBJECT_RELEASED: ActRule(
        "opens older objects to later members", _SHARED, Right.RECALL, ("note",)
    ),
    Act.RECALL_ANSWERED: ActRule(
        "says what became of recalled objects: deleted, quarantined or kept",
        _ALL,
        Right.RECALL,
        ("note",),
        relayed=True,
    ),
    Act.NOTE_ADDED: ActRule("adds a note", _ALL, Right.CONTRIBUTE, ("note",), relayed=True),
    Act.EVENT_ADDED: ActRule(
        "adds what somebody saw happen",
        _ALL,
        Right.CONTRIBUTE,
        ("event", "observed-data", "note"),
        relayed=True,
    ),
    Act.OPINION_GIVEN: ActRule(
        "agrees with something, or objects to it",
        _ALL,
        Right.CONTRIBUTE,
        ("opinion",),
        relayed=True,
    ),
    Act.SIGHTING_REPORTED: ActRule(
        "says that something was seen, or searched for and not found",
        _ALL,
        Right.CONTRIBUTE,
        ("sighting", "observed-data"),
        relayed=True,
    ),
    Act.INTEL_SHARED: ActRule(
        "shares indicators and other intelligence",
        _ALL,
        Right.CONTRIBUTE,
        ("indicator", "malware", "relationship", "note"),
        relayed=True,
        later_members=True,
    ),
    Act.INTEL_REVOKED: ActRule(
        "says that shared intelligence no longer holds",
        _ALL,
        Right.CONTRIBUTE,
        ("note",),
        later_members=True,
    ),
}

_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z", re.ASCII)
_SHORT_LENGTH: Final = 4 * 1024
_FITTING_COUNT: Final = 1024
_fitting: set[tuple[Act, str]] = set()
"""Short bodies that were found to fit, as they are written."""
_formats: Final = FormatChecker(formats=())


@_formats.checks("instant")
def _is_instant(value: object) -> bool:
    """Tell whether a text is a time in UTC that exists."""
    if not isinstance(value, str):
        return True
    match = _INSTANT.fullmatch(value)
    if match is None:
        return False
    try:
        datetime.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def read_schema(name: str) -> Mapping[str, Any]:
    """Read one of our schemas: an act, or `common`."""
    text = resources.files("policies").joinpath("schemas", f"{name}.json").read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


@cache
def _validator(act: Act) -> Draft202012Validator:
    whole = _inlined(read_schema(act), read_schema("common")["$defs"])
    return Draft202012Validator(whole, format_checker=_formats)


def _inlined(schema: Any, common: Mapping[str, Any]) -> Any:
    """Put what `common` defines where a schema refers to it.

    Looking a reference up anew for each body costs more than all the rest of judging.
    """
    if isinstance(schema, list):
        return [_inlined(one, common) for one in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {name: _inlined(value, common) for name, value in schema.items() if name != "$ref"}
    if "$ref" not in schema:
        return rest
    meant = _inlined(common[schema["$ref"].rpartition("/")[2]], common)
    return {**rest, "allOf": [*rest.get("allOf", ()), meant]} if rest else meant


def read_body(act: Act, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the body of an act against its schema, and give it back.

    Raises:
        InvalidError: what does not fit; `field` is its path, as in `body.members[0].role`.

    Source: coordination protocol, 6 (`body`).
    """
    # Most bodies are short and many are the same. How one is written tells it from all others.
    written = repr(body) if type(body) is dict else None
    if written is None or (act, written) not in _fitting:
        _check_body(act, body)
        if written is not None and len(written) <= _SHORT_LENGTH:
            if len(_fitting) >= _FITTING_COUNT:
                _fitting.clear()
            _fitting.add((act, written))
    return body


def _check_body(act: Act, body: Mapping[str, Any]) -> None:
    error = next(_validator(act).iter_errors(body), None)
    if error is not None:
        path, message = _first_fault(error)
        raise InvalidError(f"{path} {message}", field=path)


def _first_fault(error: ValidationError) -> tuple[str, str]:
    """Give the path of the fault and what is wrong there, bounded in length."""
    path = _path(error.absolute_path)
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"] if isinstance(error.schema, Mapping) else {}
            name = min(str(name) for name in instance if name not in known)
            return f"{path}.{name[:60]}", "is not known to this act"
        case "required" | "dependentRequired":
            missing = _missing(error)
            return f"{path}.{missing}", "is missing"
        case "type":
            return path, f"is not of type {wanted}"
        case "enum":
            choices = ", ".join(str(choice) for choice in wanted)
            return path, f"is not one of {choices}"
        case "const":
            return path, f"is not {json.dumps(wanted)}"
        case "format" | "pattern":
            return path, f"is not {_form(error)}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" | "minimum" | "maximum":
            return path, f"breaks {error.validator} {wanted}"
        case "uniqueItems":
            return path, "names something twice"
        case "not":
            return path, "does not go with the rest of the body"
        case _:
            return path, "does not have the form that this act asks for"


def _path(parts: Iterable[str | int]) -> str:
    steps = (f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in parts)
    return "body" + "".join(steps)


def _missing(error: ValidationError) -> str:
    """Name the property that `required` or `dependentRequired` misses."""
    wanted: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "dependentRequired":
        wanted = [name for key in wanted if key in instance for name in wanted[key]]
    return next(str(name) for name in wanted if name not in instance)


def _form(error: ValidationError) -> str:
    schema = error.schema
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return str(title or "in the form that is asked for")
