"""Judging an entry: a pure function of the ledger before it, the same for owner, members, auditors.

`judge_entry` gives what an entry does, or raises the first doubt in the protocol's order. A doubt
that voids an entry is no error: the entry keeps its place and has no effect.

Source: protocol, 5 to 7; lifecycles, 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from federation.identity.descriptor import Descriptor, DescriptorError, DescriptorForkError
from federation.identity.descriptor_chain import merge_chain, read_chain
from federation.judging.bundles import Position, SignedBundle
from federation.judging.changing import changed
from federation.judging.contents import check_contents, gather
from federation.judging.disowning import check_disowned
from federation.judging.doubt import VOIDING, Doubt, DoubtError
from federation.judging.effects import apply_act
from federation.judging.facts import Facts
from federation.judging.judged import Due, Judged
from federation.judging.reader import Reader
from federation.judging.state import MEMBERSHIP, ChannelState, key_in_use, signing_keys
from policies.acts import Act, ChannelKind, read_body
from policies.errors import InvalidError
from policies.lifecycles import TABLES, Ruling, Situation, knows, rule
from sharing.canonical import read_instant, read_time
from sharing.objects import SIGNED_BUNDLE

FIRST_TABLES: Final = "1"
MAX_STEP_OF_NTH: Final = 1_000_000
"""How many numbers an author may leave out at once."""
OWNERS_ALONE: Final = frozenset({Act.ADMITTED, Act.CHANNEL_OPENED, Act.COORDINATOR_HANDED_OVER})
_ANSWERS: Final = frozenset({Act.MEMBER_JOINED, Act.MEMBER_DECLINED})


def judge_entry(
    state: ChannelState | None, entry: SignedBundle, facts: Facts, reader: Reader
) -> Judged:
    """Judge the next entry of a ledger.

    Args:
        state: the ledger before it; `None` before the very first.

    Raises:
        DoubtError: with its name; the ledger stays where it is.

    Source: protocol, 7.
    """
    # 1. It has the form of its act; limits were checked when it was read.
    if not entry.is_entry:
        raise DoubtError(Doubt.MALFORMED, "an entry has epoch and seq")
    tables = state.tables if state is not None else str(entry.body.get("acts", FIRST_TABLES))
    opening = entry.act == Act.CHANNEL_OPENED
    if opening and entry.seq != 0:
        raise DoubtError(Doubt.MALFORMED, "an opening is the first entry of its epoch")
    if opening and str(entry.body.get("acts", FIRST_TABLES)) not in TABLES:
        raise DoubtError(Doubt.UNKNOWN_ACT, "its version of the life-cycle tables is not known")
    act = _read_act(entry, tables)
    # 2. and 3. Its author's key stands in this ledger, is in use, and signed it.
    chains = _brought_chains(state, entry, act)
    chain = chains.get(entry.author) or (state.chains.get(entry.author) if state else None)
    _prove(entry, chain, entry.created, _leaving(state, entry.author, act))
    # 4. and 5. Its author owns this epoch; it continues the chain.
    if state is None:
        _check_first(entry)
        state = _before_first(entry)
    else:
        _check_place(state, entry, opening=opening)
    # 6. to 10. What it covers, and what it does.
    return _judge_contents(state, entry, act, chains, facts, reader)


def _judge_contents(
    state: ChannelState,
    entry: SignedBundle,
    act: Act | None,
    chains: dict[str, tuple[Descriptor, ...]],
    facts: Facts,
    reader: Reader,
) -> Judged:
    contribution = None
    if act is Act.ADMITTED:
        copies = _find_contribution(entry, facts)
        act = _read_act(copies[0], state.tables)
        chains = _described_chains(state, copies[0], act)
        proven_by = chains.get(copies[0].author) or state.chains.get(copies[0].author)
        leaving = _leaving(state, copies[0].author, act)
        contribution = _prove_one(copies, proven_by, entry.created, leaving)
    covered = gather(state, entry, contribution, facts, reader, chains)
    if contribution is not None:
        _check_contribution(state, contribution, act, facts, reader)
    after = changed(
        state,
        head=entry.position,
        head_created=entry.created,
        genesis=state.genesis or entry.sha256,
    )
    judged = Judged(entry, contribution, act, after, covered=covered)
    bundles = (contribution, entry) if contribution is not None else (entry,)
    try:
        check_contents(state, bundles, covered, facts, chains)
        if act is None:
            return _unknown(judged, reader)
        ruling = _rule(state, judged, facts)
        author = judged.acting.author
        described = chains.get(author) or state.chains.get(author, ())
        disowned = check_disowned(judged.acting, described, facts)
    except DoubtError as error:
        if reader.strict or error.doubt not in VOIDING:
            raise
        if entry.act == Act.CHANNEL_OPENED:
            # Who may not open an epoch must not move anybody's head.
            raise DoubtError(Doubt.NOT_OWNER, error.message) from None
        return changed(judged, void=error, covered=())
    due = _due_from_here(judged, facts, reader)
    return apply_act(judged, ruling, chains, disowned=disowned, due=due)


def _unknown(judged: Judged, reader: Reader) -> Judged:
    """Keep and show an act that these tables do not know; an owner refuses it."""
    if reader.strict:
        raise DoubtError(Doubt.UNKNOWN_ACT, f"{judged.acting.act} is not known here")
    return judged


def _due_from_here(judged: Judged, facts: Facts, reader: Reader) -> tuple[Due, ...]:
    """Give what an entry releases to later members; a reader that lacks it asks for it.

    Raises:
        DoubtError: `missing_object`: from here on it is due.
    """
    if judged.act is not Act.OBJECT_RELEASED or reader.lenient:
        return ()
    due = []
    for ref in judged.acting.body["objects"]:
        for sha256 in sorted(facts.covered_contents(ref)):
            if facts.is_recalled(sha256) or sha256 in reader.recalled_ahead:
                continue
            stix = facts.find_object(sha256)
            if stix is None and reader.gone:
                continue
            if stix is None:
                raise DoubtError(Doubt.MISSING_OBJECT, f"{ref} has not arrived", refs=(ref,))
            due.append(Due(stix, facts.first_label(ref, stix.version_ns)))
    return tuple(due)


def _read_act(bundle: SignedBundle, tables: str) -> Act | None:
    act = knows(tables, bundle.act)
    if act is not None:
        try:
            read_body(act, bundle.body)
        except InvalidError as error:
            raise DoubtError(Doubt.MALFORMED, f"{bundle.act}: {error.message}") from None
    return act


def _prove(
    bundle: SignedBundle,
    chain: tuple[Descriptor, ...] | None,
    ledger_time: str,
    leaving: frozenset[str] = frozenset(),
) -> None:
    """Prove that a key in use by its author signed a bundle.

    Args:
        chain: the author's descriptors, those that the bundle brings along included.
        leaving: keys that may be retired by what it brings along, and sign it all the same.
    """
    kid = bundle.kid
    if not chain:
        raise DoubtError(Doubt.UNKNOWN_KEY, f"this ledger knows no key of {bundle.author}")
    key = next((entry for entry in signing_keys(chain) if entry.key.thumbprint == kid), None)
    if key is None:
        raise DoubtError(Doubt.UNKNOWN_KEY, f"{bundle.author} has no signing key {kid[:43]}")
    if key.revoked_at is not None:
        raise DoubtError(Doubt.REVOKED_KEY, f"the key {kid[:43]} was revoked at {key.revoked_at}")
    if not key_in_use(key, read_instant(ledger_time)) and kid not in leaving:
        raise DoubtError(Doubt.UNKNOWN_KEY, f"the key {kid[:43]} is retired since {key.retired_at}")
    bundle.prove(key.key)


def _leaving(state: ChannelState | None, author: str, act: Act | None) -> frozenset[str]:
    """Give the keys that a description may retire and still be signed by.

    Those are the keys in use by the descriptors before it: one that was retired earlier describes
    nobody any more.
    """
    chain = state.chains.get(author, ()) if state is not None else ()
    if act is not Act.NODE_DESCRIBED or not chain:
        return frozenset()
    return frozenset(one.key.thumbprint for one in signing_keys(chain) if one.in_use)


def _prove_one(
    copies: Sequence[SignedBundle],
    chain: tuple[Descriptor, ...] | None,
    ledger_time: str,
    leaving: frozenset[str],
) -> SignedBundle:
    """Give the first copy of a bundle that is proven; where none is, doubt the first."""
    doubts = []
    for bundle in copies:
        try:
            _prove(bundle, chain, ledger_time, leaving)
        except DoubtError as error:
            doubts.append(error)
        else:
            return bundle
    raise doubts[0]


def _brought_chains(
    state: ChannelState | None, entry: SignedBundle, act: Act | None
) -> dict[str, tuple[Descriptor, ...]]:
    """Prove the descriptors that an entry brings along."""
    if act is not Act.CHANNEL_OPENED:
        return _described_chains(state, entry, act) if state is not None else {}
    chains = {}
    for member in entry.body["members"]:
        if "descriptors" not in member:
            continue
        organisation = member["organisation"]
        known = state.chains.get(organisation, ()) if state is not None else ()
        chain = _chain(member["descriptors"], known, organisation)
        chains[organisation] = chain
    return chains


def _described_chains(
    state: ChannelState, bundle: SignedBundle, act: Act | None
) -> dict[str, tuple[Descriptor, ...]]:
    """Prove the descriptors that a bundle brings along for its author."""
    known = state.chains.get(bundle.author, ())
    if act in _ANSWERS and "descriptors" in bundle.body:
        member = state.members.get(bundle.author)
        vouched = member.recovery if member is not None else None
        chain = _chain(bundle.body["descriptors"], known, bundle.author)
        if vouched is not None and chain[0].recovery.thumbprint != vouched:
            raise DoubtError(
                Doubt.UNKNOWN_KEY, "its descriptors begin with another recovery key than invited"
            )
        return {bundle.author: chain}
    if act is Act.NODE_DESCRIBED and known:
        return {bundle.author: _chain(bundle.body["descriptors"], known, bundle.author)}
    return {}


def _chain(
    documents: object, known: tuple[Descriptor, ...], organisation: str
) -> tuple[Descriptor, ...]:
    """Give the chain that stands once these descriptors stand in the ledger too."""
    try:
        chain = merge_chain(known, documents) if known else read_chain(documents)
    except DescriptorForkError as error:
        raise DoubtError(Doubt.FORK, f"{organisation}: {error.message}") from None
    except DescriptorError as error:
        raise DoubtError(Doubt.MALFORMED, f"{organisation}: {error.message}") from None
    if chain[0].organisation_id != organisation:
        raise DoubtError(Doubt.MALFORMED, "the descriptors are those of another organisation")
    return chain


def _check_first(entry: SignedBundle) -> None:
    if entry.epoch != 1 or entry.seq != 0:
        raise DoubtError(Doubt.GAP, "the channel's first entry has not arrived yet")
    if entry.act != Act.CHANNEL_OPENED or "opened_by" in entry.body:
        raise DoubtError(Doubt.MALFORMED, "the first entry of a channel opens it")
    if entry.body.get("owner", entry.author) != entry.author:
        raise DoubtError(Doubt.NOT_OWNER, "a channel is opened by its owner and by nobody else")


def _before_first(entry: SignedBundle) -> ChannelState:
    """Give the ledger before its first entry."""
    return ChannelState(
        channel=entry.channel,
        kind=ChannelKind(entry.body["kind"]),
        owner=entry.author,
        tables=entry.body["acts"],
        genesis="",
        head=Position(1, 0, ""),
        head_created=entry.created,
        parent=entry.body.get("parent"),
        things={"ceiling:channel": entry.body["ceiling"]},
    )


def _check_place(state: ChannelState, entry: SignedBundle, *, opening: bool) -> None:
    """Check channel, owner, epoch and chain. Source: protocol, 7, rows 4 and 5."""
    place, head = entry.position, state.head
    if entry.channel != state.channel:
        raise DoubtError(Doubt.FOREIGN_CHANNEL, "the entry belongs to another channel")
    if opening and place.epoch == head.epoch + 1:
        if place.seq != 0:
            raise DoubtError(Doubt.GAP, "the opening of that epoch has not arrived yet")
    else:
        if place.epoch < head.epoch:
            raise DoubtError(Doubt.STALE_EPOCH, f"epoch {place.epoch} is over")
        if entry.author != state.owner and place.epoch == head.epoch:
            raise DoubtError(Doubt.NOT_OWNER, f"{entry.author} does not own this channel")
        if place.epoch > head.epoch or (place.seq > head.seq + 1 and not state.ended):
            raise DoubtError(Doubt.GAP, f"entries after {head.epoch}/{head.seq} are missing")
        if place.seq <= head.seq:
            raise DoubtError(Doubt.FORK, f"the owner signed two entries {place.epoch}/{place.seq}")
        if state.ended:
            raise DoubtError(Doubt.STALE_EPOCH, f"epoch {place.epoch} was handed over")
    if entry.seen != head:
        raise DoubtError(Doubt.FORK, f"the entry does not follow our {head.epoch}/{head.seq}")
    if entry.created_ns < read_instant(state.head_created):
        raise DoubtError(Doubt.MALFORMED, "the entry is dated before the one that it follows")


def _find_contribution(entry: SignedBundle, facts: Facts) -> tuple[SignedBundle, ...]:
    """Give every copy of what an entry admits; they differ in the signature alone."""
    bundles = [item for item in entry.contents if item.ref.startswith(f"{SIGNED_BUNDLE}--")]
    if len(bundles) != 1:
        raise DoubtError(Doubt.MALFORMED, "an admission covers exactly one contribution")
    item = bundles[0]
    copies = tuple(SignedBundle.read(one) for one in facts.find_bundles(item.ref, item.sha256))
    if not copies:
        if facts.has_version(item.ref, item.version_ns):
            raise DoubtError(
                Doubt.HASH_MISMATCH, f"{item.ref} is not what was admitted", refs=(item.ref,)
            )
        raise DoubtError(Doubt.MISSING_OBJECT, f"{item.ref} has not arrived", refs=(item.ref,))
    if copies[0].is_entry or item.version != copies[0].created:
        raise DoubtError(Doubt.MALFORMED, "what is admitted is no contribution of that version")
    if copies[0].act in OWNERS_ALONE:
        raise DoubtError(Doubt.MALFORMED, f"{copies[0].act} is an entry, never a contribution")
    return copies


def _check_contribution(
    state: ChannelState, bundle: SignedBundle, act: Act | None, facts: Facts, reader: Reader
) -> None:
    """Check that a contribution belongs here and now. Source: protocol, 7, row 7."""
    member = state.members.get(bundle.author)
    standing = state.state_of(MEMBERSHIP, bundle.author)
    answering = standing == "invited" and act in _ANSWERS
    if member is None or not (member.is_joined or answering):
        raise DoubtError(Doubt.NOT_MEMBER, f"{bundle.author} is {standing or 'no member'} here")
    if bundle.channel != state.channel:
        raise DoubtError(Doubt.FOREIGN_CHANNEL, "the contribution was made for another channel")
    if bundle.nth is not None and bundle.nth > member.last_nth + MAX_STEP_OF_NTH:
        # Who holds a stolen key must not use up its owner's numbers.
        raise DoubtError(Doubt.MALFORMED, f"its number {bundle.nth} leaves too many out")
    if bundle.nth is None or bundle.nth <= member.last_nth:
        raise DoubtError(
            Doubt.SUPERSEDED, f"its number {bundle.nth} is not above {member.last_nth}"
        )
    if facts.is_admitted(bundle.sha256):
        raise DoubtError(Doubt.SUPERSEDED, "it is history already")
    seen = bundle.seen
    known = facts.hash_at(seen.epoch, seen.seq) if seen is not None else None
    if seen is None or (known is None and seen.epoch < state.head.epoch):
        # What an earlier epoch held beyond the head that the next one names was abandoned.
        return
    if known is None:
        ahead = (seen.epoch, seen.seq) > (state.head.epoch, state.head.seq)
        doubt = Doubt.GAP if reader.strict and ahead else Doubt.FORK
        raise DoubtError(doubt, f"its author had seen {seen.epoch}/{seen.seq}, which is not here")
    if known != seen.sha256:
        raise DoubtError(
            Doubt.FORK, f"its author was shown another entry {seen.epoch}/{seen.seq} than ours"
        )


def situation_of(
    state: ChannelState,
    author: str,
    body: Mapping[str, Any],
    facts: Facts,
    ledger_time: str,
    *,
    endorsed_by: frozenset[str] = frozenset(),
) -> Situation:
    """Tell the tables what the ledger says just before an act."""
    first = not state.genesis

    def state_of(thing: str, subject: str) -> str | None:
        if thing == "source":
            return facts.first_author(subject)
        return None if first else state.state_of(thing, subject)

    return Situation(
        kind=state.kind,
        owner=state.owner,
        author=author,
        body=body,
        ledger_time=read_time(ledger_time),
        members=state.joined,
        state_of=state_of,
        endorsed_by=endorsed_by,
    )


def _rule(state: ChannelState, judged: Judged, facts: Facts) -> Ruling:
    acting = judged.acting
    situation = situation_of(
        state,
        acting.author,
        acting.body,
        facts,
        judged.entry.created,
        endorsed_by=_endorsers(state, judged, facts),
    )
    if judged.act is None:
        raise ValueError("no table rules an unknown act")
    ruling = rule(state.tables, judged.act, situation)
    if not ruling.decision:
        raise DoubtError(Doubt.NOT_PERMITTED, ruling.decision.reason)
    return ruling


def _endorsers(state: ChannelState, judged: Judged, facts: Facts) -> frozenset[str]:
    """Give who validly endorsed the author of an opening by succession.

    Source: protocol, 11 (*Succession*).
    """
    opening = judged.entry
    if opening.body.get("opened_by") != "succession":
        return frozenset()
    endorsers = set()
    wanted = (opening.epoch, opening.body.get("round"), opening.author)
    for one in judged.covered:
        if one.stix is None or one.stix.stix_type != SIGNED_BUNDLE:
            continue
        bundle = SignedBundle.read(one.stix)
        if bundle.act != Act.SUCCESSION_ENDORSED or bundle.channel != state.channel:
            continue
        _read_act(bundle, state.tables)
        body = bundle.body
        head = Position.read(body["head"])
        known = facts.hash_at(head.epoch, head.seq) == head.sha256
        if (body["epoch"], body["round"], body["candidate"]) == wanted and known:
            _prove(bundle, state.chains.get(bundle.author), opening.created)
            endorsers.add(bundle.author)
    return frozenset(endorsers)
