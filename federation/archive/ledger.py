"""The ledger of an export, taken in line by line and judged by the rules that every node obeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any, Final

from federation.archive.beside import BesideReader
from federation.archive.chain import Chain
from federation.archive.facts import FileFacts
from federation.archive.holders import HoldersReader
from federation.archive.lines import LAST, Kind, Line
from federation.archive.report import (
    Failure,
    HistoryLine,
    MemberLine,
    ObjectLine,
    Presence,
    Report,
    What,
)
from federation.identity.descriptor import Descriptor
from federation.judging.bundles import Item, Position, SignedBundle
from federation.judging.contents import is_withheld
from federation.judging.disowning import doubt_about, doubt_about_admission
from federation.judging.doubt import WAITING, Consequence, Doubt, DoubtError, consequence
from federation.judging.judge import judge_entry
from federation.judging.judged import Covered, Judged
from federation.judging.reader import Reader
from federation.judging.state import Place
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.canonical import read_instant
from sharing.objects import SIGNED_BUNDLE, StixObject

IN_EFFECT: Final = "in effect"
_NAMED: Final = ("organisation", "successor", "candidate")
_NAME: Final = 200
"""Members of bodies that name an organisation."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """One entry of the history, the key that its act was signed with, and who admitted it how."""

    line: HistoryLine
    kid: str
    owner: str
    admitted_kid: str | None
    sha256: str
    void: bool


class LedgerReader:
    """Takes in the lines of one export and remembers what holds and what does not."""

    def __init__(
        self,
        archive: IO[bytes],
        header: Mapping[str, Any],
        reader: Reader,
        *,
        holders_of: str | None = None,
    ) -> None:
        self.facts = FileFacts(archive)
        self._header = header
        self._reader = reader
        self._chain = Chain(header["channel"], self.facts)
        self._beside = BesideReader(self._chain, reader)
        self._failures: list[Failure] = []
        self._pending: list[tuple[Line, StixObject]] = []
        self._contribution: Line | None = None
        self._kept: list[_Kept] = []
        self._covered: dict[tuple[str, str], tuple[Item, Place, TLP | None]] = {}
        self._released: set[str] = set()
        self._missing: set[tuple[str, str]] = set()
        self._disowned: set[str] = set()
        self._holders = HoldersReader(self._chain, holders_of)
        self._broken = False
        self._unchecked = 0

    def take(self, line: Line) -> None:
        """Take in one line after the header."""
        try:
            if line.kind not in LAST:
                self._take_ledger(line)
            elif not self._broken:
                # What follows a broken chain can't be told from what it lacks.
                self._beside.take(line)
        except DoubtError as error:
            self.fail(error.doubt, error.message, line.number, beside=line.kind in LAST)
        except InvalidError as error:
            self.fail(Doubt.MALFORMED, error.message, line.number, beside=line.kind in LAST)

    def fail(
        self, doubt: Doubt, sentence: str, line: int | None = None, *, beside: bool = False
    ) -> None:
        """Remember a failure."""
        self._failures.append(Failure(doubt, sentence, line, beside))

    def withheld_from(self, organisation: str) -> frozenset[str]:
        """Give the hashes of what the whole ledger withholds from an organisation."""
        state = self._chain.state
        if state is None:
            return frozenset()
        return frozenset(
            item.sha256
            for item, place, claimed in self._covered.values()
            if item.sha256 not in self._released
            and is_withheld(state, organisation, place, claimed)
        )

    @property
    def lacks_any(self) -> bool:
        """Tell whether content that is due did not come."""
        return bool(self._missing)

    def ends_for(self, organisation: str) -> bool:
        """Tell whether an organisation that took part does so no more at the end."""
        state = self._chain.state
        return state is not None and state.ends_for(organisation)

    def finish(self, head: Position, pins: frozenset[str]) -> None:
        """Check what can be said only at the end of the file.

        Args:
            head: where the header says that the ledger ends.
            pins: recovery keys that must be found.
        """
        if not self._broken:
            for line, stix in self._pending:
                self.fail(Doubt.MALFORMED, f"no entry covers {stix.stix_id}", line.number)
            if self._contribution is not None:
                number = self._contribution.number
                self.fail(Doubt.MALFORMED, "no entry admits it", number)
            self._check_head(head)
            try:
                self._beside.finish()
            except DoubtError as error:
                self.fail(error.doubt, error.message, beside=True)
        chains = self._chain.state.chains if self._chain.state is not None else {}
        found = {one.recovery.thumbprint for chain in chains.values() for one in chain}
        for pin in sorted(pins - found):
            self.fail(Doubt.UNKNOWN_KEY, f"no organisation in it has the recovery key {pin}")

    def report(self, pins: frozenset[str]) -> Report:
        """Give what was found."""
        state = self._chain.state
        return Report(
            what=What.EXPORT,
            failures=tuple(self._failures),
            header=self._header,
            kind=state.kind.value if state is not None else None,
            owner=state.owner if state is not None else None,
            owner_name=self._chain.name(state.owner) if state is not None else None,
            ceiling=state.ceiling.label if state is not None else None,
            head=self._chain.head,
            members=tuple(self._members(pins)),
            history=tuple(self._history()),
            objects=tuple(self._objects()),
            receipts=tuple(self._beside.receipts),
            abandoned=tuple(self._beside.abandoned),
            evidence=tuple(self._beside.evidence),
            holdings=self._holders.find(self._beside.receipts),
            unchecked=self._unchecked,
        )

    def _take_ledger(self, line: Line) -> None:
        if line.kind is Kind.HEADER:
            raise DoubtError(Doubt.MALFORMED, "a second header")
        if self._beside.has_begun:
            raise DoubtError(Doubt.MALFORMED, "the ledger goes on after what follows it")
        if line.kind is not Kind.ENTRY and self._contribution is not None:
            raise DoubtError(Doubt.MALFORMED, "an entry follows its contribution")
        stix = StixObject.of(line.value, written=line.written)
        if line.kind is not Kind.OBJECT and stix.stix_type != SIGNED_BUNDLE:
            raise DoubtError(Doubt.MALFORMED, f"a {stix.stix_type[:40]} is no signed bundle")
        if line.kind is Kind.ENTRY:
            self._take_entry(line, stix)
            return
        if stix.stix_type == SIGNED_BUNDLE:
            SignedBundle.read(stix)
        if self.facts.has_line(stix.sha256):
            raise DoubtError(Doubt.MALFORMED, f"{stix.stix_id} stands here a second time")
        self.facts.add_line(line, stix)
        if line.kind is Kind.OBJECT:
            self._pending.append((line, stix))
        else:
            self._contribution = line

    def _take_entry(self, line: Line, stix: StixObject) -> None:
        pending, contribution = self._pending, self._contribution
        self._pending, self._contribution = [], None
        if self._broken:
            self._unchecked += 1
            return
        try:
            judged = self._judge(SignedBundle.read(stix), line)
        except DoubtError as error:
            self._broken = consequence(error.doubt) is not Consequence.IGNORE
            raise
        self._check_brought(judged, pending, contribution)
        self._keep(judged, line)

    def _judge(self, entry: SignedBundle, line: Line) -> Judged:
        """Judge an entry; where only content lacks, say so and go on along the chain."""
        state = self._chain.state
        if entry.channel != self._chain.channel:
            raise DoubtError(Doubt.FOREIGN_CHANNEL, "the entry belongs to another channel")
        try:
            return judge_entry(state, entry, self.facts, self._reader)
        except DoubtError as error:
            if error.doubt not in WAITING or not error.refs:
                raise
            judged = judge_entry(state, entry, self.facts, replace(self._reader, lenient=True))
            if judged.void is not None:
                # Its objects are not kept, and it is void whatever they hold.
                return judged
            self.fail(error.doubt, error.message, line.number)
            self._note_missing(judged, error, line)
            return judged

    def _note_missing(self, judged: Judged, named: DoubtError, line: Line) -> None:
        """Name everything else that this entry lacks."""
        for one in judged.covered:
            if one.stix is not None or self._is_excused(judged, one):
                continue
            item = one.item
            self._missing.add((item.ref, item.sha256))
            if item.ref not in named.refs:
                is_other = self.facts.has_version(item.ref, item.version_ns)
                doubt = Doubt.HASH_MISMATCH if is_other else Doubt.MISSING_OBJECT
                says = "is not what was signed" if is_other else "has not arrived"
                self.fail(doubt, f"{item.ref} {says}", line.number)

    def _is_excused(self, judged: Judged, one: Covered) -> bool:
        sha256 = one.item.sha256
        return (
            not one.is_first
            or sha256 in self._reader.recalled_ahead
            or self.facts.is_recalled(sha256)
            or is_withheld(
                judged.state, self._reader.organisation, judged.entry.place, one.withheld_by
            )
        )

    def _check_brought(
        self, judged: Judged, pending: list[tuple[Line, StixObject]], contribution: Line | None
    ) -> None:
        """Check that the lines before an entry are what it covers."""
        admitted = judged.contribution
        admitted_id = admitted.bundle_id if admitted is not None else None
        if contribution is not None and contribution.value["id"] != admitted_id:
            self.fail(Doubt.MALFORMED, "the next entry does not admit it", contribution.number)
        items = list(judged.entry.contents)
        items += admitted.contents if admitted is not None else ()
        hashes = {item.sha256 for item in items}
        versions = {(item.ref, item.version_ns) for item in items}
        for line, stix in pending:
            sha256 = stix.sha256
            if stix.stix_type == SIGNED_BUNDLE:
                sha256 = SignedBundle.read(stix).sha256
            version = (stix.stix_id, stix.version_ns)
            is_due = sha256 in hashes or self.facts.first_content(*version) == sha256
            # Another content of a version that is covered has been named as what it is.
            if not is_due and version not in versions:
                self.fail(Doubt.MALFORMED, f"no entry covers {stix.stix_id}", line.number)

    def _keep(self, judged: Judged, line: Line) -> None:
        entry, acting = judged.entry, judged.acting
        self.facts.record(judged)
        self.facts.settle()
        self._chain.move(judged.state)
        self._holders.take(judged)
        for one in judged.covered:
            covered = (one.item, entry.place, one.withheld_by)
            self._covered.setdefault((one.item.ref, one.item.sha256), covered)
        for ref in judged.released:
            self._released |= self.facts.covered_contents(ref)
        self._disowned.update(judged.disowned.bundles)
        for one in judged.covered:
            if one.stix is not None and one.stix.stix_type == "identity":
                self._chain.named[one.item.ref] = str(one.stix.value.get("name", ""))[:_NAME]
        admitted = judged.contribution is not None
        about = (acting.body[name] for name in _NAMED if name in acting.body)
        named = tuple(one for one in about if isinstance(one, str))
        history = HistoryLine(
            position=entry.position,
            time=entry.created,
            author=acting.author,
            author_name=self._chain.name(acting.author),
            act=acting.act,
            standing=_standing(judged),
            admitted_by=self._chain.name(entry.author) if admitted else None,
            on_behalf_of=acting.body.get("on_behalf_of", {}).get("organisation"),
            about=named,
            line=line.number,
        )
        self._kept.append(
            _Kept(
                history,
                acting.kid,
                entry.author,
                entry.kid if admitted else None,
                acting.sha256,
                void=judged.void is not None,
            )
        )

    def _check_head(self, head: Position) -> None:
        last = self._chain.head
        if last == head:
            return
        place, end = (head.epoch, head.seq), (last.epoch, last.seq) if last is not None else None
        if end is None or place > end:
            shown = f"{end[0]}/{end[1]}" if end is not None else "the header"
            sentence = f"the header promises entry {place[0]}/{place[1]}; the file ends at {shown}"
            self.fail(Doubt.GAP, sentence)
        elif place == end:
            self.fail(Doubt.FORK, f"the header names another entry {place[0]}/{place[1]}")
        else:
            sentence = f"the header names entry {place[0]}/{place[1]}; the file goes beyond it"
            self.fail(Doubt.MALFORMED, sentence)

    def _members(self, pins: frozenset[str]) -> Iterator[MemberLine]:
        state = self._chain.state
        for member in state.members.values() if state is not None else ():
            chain = state.chains.get(member.organisation, ()) if state is not None else ()
            yield MemberLine(
                organisation=member.organisation,
                name=self._chain.name(member.organisation),
                state=member.state,
                roles=member.roles,
                recovery_key=chain[0].recovery.thumbprint if chain else member.recovery,
                pinned=any(one.recovery.thumbprint in pins for one in chain),
            )

    def _history(self) -> Iterator[HistoryLine]:
        """Give the history as it stands at the end: keys may have been revoked since."""
        chains = self._chain.state.chains if self._chain.state is not None else {}
        for kept in self._kept:
            line, found = kept.line, dict[str, Any]()
            if line.about:
                found["about"] = tuple(self._chain.name(one) for one in line.about)
            if line.on_behalf_of is not None:
                found["on_behalf_of"] = self._chain.name(line.on_behalf_of)
            if not kept.void:
                found |= self._doubts(kept, chains)
            yield replace(line, **found) if found else line

    def _doubts(
        self, kept: _Kept, chains: Mapping[str, tuple[Descriptor, ...]]
    ) -> Mapping[str, str]:
        """Give what is doubtful about an entry by now."""
        found, instant = {}, read_instant(kept.line.time)
        if kept.admitted_kid is not None:
            why = doubt_about_admission(chains.get(kept.owner, ()), kept.admitted_kid, instant)
            if why is not None:
                found["doubtful_admission"] = why
        if kept.sha256 in self._disowned:
            return found | {"standing": "disowned by its author"}
        doubtful = doubt_about(chains.get(kept.line.author, ()), kept.kid, instant)
        return found if doubtful is None else found | {"standing": f"doubtful: {doubtful}"}

    def _objects(self) -> Iterator[ObjectLine]:
        for key, (item, place, _) in self._covered.items():
            yield ObjectLine(
                ref=item.ref,
                version=item.version,
                sha256=item.sha256,
                epoch=place[0],
                seq=place[1],
                presence=self._presence(key, item),
            )

    def _presence(self, key: tuple[str, str], item: Item) -> Presence:
        if self.facts.is_recalled(item.sha256):
            return Presence.RECALLED
        if self.facts.holds(item):
            return Presence.PRESENT
        return Presence.MISSING if key in self._missing else Presence.WITHHELD


def _standing(judged: Judged) -> str:
    if judged.void is not None:
        return f"void: {judged.void.doubt.value}: {judged.void.message}"
    if judged.act is None:
        return "kept, and not known to these tables"
    return IN_EFFECT
