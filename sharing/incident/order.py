"""What follows what: the order of the events of an incident, and of impacts.

Source: OASIS Incident Core Extension 2.1; rules IE-6, IE-10 and IE-11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from sharing.incident.rules import Remark, Remarks
from sharing.incident.values import Event, Impact, Incident


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Ids in an order in which nothing stands before what it follows.

    Args:
        refs: all that were to be arranged; those on circles, and what hangs on them, last.
        starts: those that nothing leads to.
        circular: those on circles, and between them: no order of theirs would be right.
    """

    refs: tuple[str, ...]
    starts: tuple[str, ...]
    circular: tuple[str, ...]


def arrange(refs: Iterable[str], followers: Mapping[str, Iterable[str]]) -> Arrangement:
    """Arrange what follows what; each reference is looked at once, circles or not.

    Args:
        refs: what is to be arranged, in the order that holds where nothing else is said.
        followers: id → ids that follow it; who is not to be arranged is passed over.
    """
    wanted = dict.fromkeys(refs)
    after = {
        ref: tuple(one for one in dict.fromkeys(followers.get(ref, ())) if one in wanted)
        for ref in wanted
    }
    before: dict[str, list[str]] = {ref: [] for ref in wanted}
    for ref, following in after.items():
        for one in following:
            before[one].append(ref)
    starts = tuple(ref for ref in wanted if not before[ref])
    arranged = _peel(wanted, after, before)
    left = [ref for ref in wanted if ref not in arranged]
    # What only hangs on a circle has no successor left once its ends are taken away.
    behind = _peel(left, before, after)
    circular = tuple(ref for ref in left if ref not in behind)
    return Arrangement((*arranged, *circular, *reversed(behind)), starts, circular)


def _peel(
    refs: Iterable[str],
    after: Mapping[str, Collection[str]],
    before: Mapping[str, Collection[str]],
) -> dict[str, None]:
    """Take away what nothing leads to, again and again; give it in that order."""
    order = list(refs)
    rank = {ref: number for number, ref in enumerate(order)}
    waiting = {ref: sum(one in rank for one in before[ref]) for ref in order}
    ready = [rank[ref] for ref in order if not waiting[ref]]
    heapify(ready)
    peeled: dict[str, None] = {}
    while ready:
        ref = order[heappop(ready)]
        peeled[ref] = None
        for one in after[ref]:
            if one in rank:
                waiting[one] -= 1
                if not waiting[one]:
                    heappush(ready, rank[one])
    return peeled


def arrange_events(incident: Incident, events: Iterable[Event]) -> Arrangement:
    """Arrange the events of an incident; those that are not here stand where they are listed.

    Args:
        events: those that are here, in any dialect.
    """
    followers: dict[str, list[str]] = {}
    for event in events:
        followers.setdefault(event.stix_id, []).extend(event.next_event_refs)
        for step in event.steps:
            followers.setdefault(step.before, []).append(step.after)
    for step in incident.steps:
        followers.setdefault(step.before, []).append(step.after)
    return arrange(incident.event_refs, followers)


def check_successions(impacts: Iterable[Impact]) -> Remarks:
    """Check what supersedes what among impacts: the same category, and no circles. Rule: IE-6.

    The field of a remark begins with the id of the impact.
    """
    known = {impact.stix_id: impact for impact in impacts}
    for impact in known.values():
        later = known.get(impact.superseded_by_ref or "")
        if later is not None and later.category != impact.category:
            yield Remark(
                f"{impact.stix_id}.superseded_by_ref",
                f"an impact on {impact.category} is superseded by one on {later.category}",
                "An impact is followed by one of the same category.",
            )
    followers = {
        ref: (impact.superseded_by_ref,)
        for ref, impact in known.items()
        if impact.superseded_by_ref is not None
    }
    for ref in arrange(known, followers).circular:
        yield Remark(
            f"{ref}.superseded_by_ref",
            "impacts that supersede one another stand in a circle",
            "The last of them is superseded by none.",
        )
