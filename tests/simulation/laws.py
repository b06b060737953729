"""What no ledger may hold, by the protocol's words: whose keys sign, who speaks for whom.

Like the oracle it reads a ledger as JSON, and asks nothing of ours.

Source: protocol, 2 (*Keys are state of the ledger*), 5 (*Relay*), 6 and 11.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.simulation.oracle import Line, Oracle, Thing


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_name(jwk: Mapping[str, str]) -> str:
    """Give the thumbprint of a key. Source: RFC 7638."""
    members = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()


def signed_by(bundle: Mapping[str, Any]) -> str:
    return str(json.loads(unb64(bundle["signature"].split(".")[0]))["kid"])


class Laws:
    """Reads a ledger from its first entry on, and says what breaks a law."""

    def __init__(self, oracle: Oracle, endorsed: Mapping[str, Mapping[str, Any]]) -> None:
        self.oracle, self.endorsed = oracle, endorsed
        self.described: dict[str, dict[int, Mapping[str, Any]]] = {}
        self.without: dict[str, bool] = {}
        """Organisation → whether it was last invited as having no node."""
        self.replaces: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        """Hash of what was said on somebody's behalf → what that somebody says of it."""
        self._told: dict[str, tuple[str, str]] = {}
        self.owner = ""
        self._new: dict[int, list[tuple[str, Thing]]] = {}
        for sha256, thing in oracle.things.items():
            self._new.setdefault(thing.place, []).append((sha256, thing))
        self.broken = [
            f"{line.entry['epoch']}/{line.entry['seq']} {line.acting['act']}: {sentence}"
            for place, line in enumerate(oracle.lines)
            for sentence in self._read(place, line)
        ]

    def _read(self, place: int, line: Line) -> Iterator[str]:
        acting, body = line.acting, line.acting.get("body", {})
        before = self.described
        if acting["act"] == "node.described":
            before = {who: dict(versions) for who, versions in self.described.items()}
        self._describe(acting, body)
        for bundle in line.bundles:
            yield from self._check_key(bundle, acting, line.entry["created"], before)
        opens = acting["act"] == "channel.opened"
        if opens and line.entry["epoch"] > 1:
            yield from self._check_opening(place, line.entry)
        if not opens and line.entry["created_by_ref"] != self.owner:
            yield "an entry by another than the owner"
        yield from self._check_relay(acting, body)
        yield from self._check_creators(place)
        yield from self._check_disowning(place, acting, body)
        self._take(line, acting, body)

    def _describe(self, acting: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        named = [(one["organisation"], one) for one in body.get("members", ())]
        named += [(acting["created_by_ref"], body)] if acting["act"] != "channel.opened" else []
        for organisation, one in named:
            for jws in one.get("descriptors", ()):
                payload = json.loads(unb64(jws["payload"]))
                self.described.setdefault(organisation, {})[payload["version"]] = payload

    def keys_of(
        self, organisation: str, described: Mapping[str, Mapping[int, Mapping[str, Any]]]
    ) -> dict[str, Mapping[str, Any]]:
        """Give the signing keys that an organisation's newest descriptor names, by their names."""
        versions = described.get(organisation)
        if not versions:
            return {}
        keys = versions[max(versions)]["keys"]
        return {key_name(one["jwk"]): one for one in keys if one["use"] == "sign"}

    def _check_key(
        self,
        bundle: Mapping[str, Any],
        acting: Mapping[str, Any],
        ledger_time: str,
        before: Mapping[str, Mapping[int, Mapping[str, Any]]],
    ) -> Iterator[str]:
        author, kid = bundle["created_by_ref"], signed_by(bundle)
        key = self.keys_of(author, self.described).get(kid)
        describes = bundle is acting and bundle["act"] == "node.described"
        if key is None:
            yield f"signed by a key that is none of {author}’s"
        elif "revoked_at" in key:
            yield f"signed by a key that {author} has revoked"
        elif key.get("retired_at", ledger_time) < ledger_time:
            was = self.keys_of(author, before).get(kid, {"retired_at": ""})
            if not describes or "retired_at" in was:
                yield f"signed by a key that {author} has retired"

    def _check_opening(self, place: int, opening: Mapping[str, Any]) -> Iterator[str]:
        """Say by what right an epoch was not to be opened. Source: protocol, 11."""
        author, body = opening["created_by_ref"], opening["body"]
        before = self.oracle.lines[place - 1].acting
        if body["opened_by"] == "hand-over":
            handed = before["act"] == "coordinator.handed_over"
            if not handed or before["body"]["successor"] != author:
                yield "it was not handed over"
            return
        joined = {
            who
            for who, stays in self.oracle.stays.items()
            if any(start < place <= end for start, end in stays) and not self.without.get(who)
        }
        chain = {
            (line.entry["epoch"], line.entry["seq"]): line.entry_hash
            for line in self.oracle.lines[:place]
        }
        carried = [self.endorsed.get(item["sha256"]) for item in opening.get("contents", ())]
        endorsing = {
            one["created_by_ref"]
            for one in carried
            if one is not None
            and one["body"]["epoch"] == opening["epoch"]
            and one["body"]["round"] == body["round"]
            and one["body"]["candidate"] == author
            and chain.get((one["body"]["head"]["epoch"], one["body"]["head"]["seq"]))
            == one["body"]["head"]["sha256"]
        }
        # More than half of the members, the lost owner counted; never fewer than two.
        endorsing &= joined - {self.owner}
        if len(endorsing) < max(2, len(joined) // 2 + 1):
            yield f"opened with {len(endorsing)} of {len(joined)} members"
        if author not in joined or author == self.owner:
            yield "opened by who is no candidate"

    def _check_relay(self, acting: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
        author, told = acting["created_by_ref"], body.get("on_behalf_of")
        if told is not None and author != self.owner:
            yield "somebody else than the coordinator speaks for another"
        speaker = told["organisation"] if told is not None else author
        if acting["act"] == "member.joined" and self.without.get(speaker, False) != bool(told):
            yield "who has no node joins by relay, and nobody else does"

    def _check_creators(self, place: int) -> Iterator[str]:
        for sha256, thing in self._new.get(place, ()):
            creator = self.oracle.made[sha256].get("created_by_ref")
            if creator != thing.author and self.without.get(str(creator), False):
                yield f"{thing.ref} is made out to be by {creator}, which has no node"

    def _check_disowning(
        self, place: int, acting: Mapping[str, Any], body: Mapping[str, Any]
    ) -> Iterator[str]:
        for sha256 in body.get("disowned", ()):
            meant = [one for one in self.oracle.lines[:place] if one.acting_hash == sha256]
            if not meant or meant[0].acting["created_by_ref"] != acting["created_by_ref"]:
                yield "only an author disowns"
                continue
            kid = signed_by(meant[0].acting)
            key = self.keys_of(acting["created_by_ref"], self.described).get(kid, {})
            if not key.get("revoked_at", "9") <= meant[0].entry["created"]:
                yield "what is not doubtful is not disowned"

    def _take(self, line: Line, acting: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        author = acting["created_by_ref"]
        match acting["act"]:
            case "channel.opened":
                self.owner = author
                for one in body["members"]:
                    self.without[one["organisation"]] = "without_node" in one
            case "member.invited":
                self.without[body["organisation"]] = "without_node" in body
                self.replaces[body["organisation"]] = body.get("replaces", "")
            case "opinion.given" if "answers" in body:
                about, said = body["answers"], self._opinion(line)
                organisation, bundle_id = self._told.get(about, ("", ""))
                if author == organisation or self.replaces.get(author, "-") == organisation:
                    self.answers[about] = said if bundle_id else ""
        if "on_behalf_of" in body:
            self._told[line.acting_hash] = (body["on_behalf_of"]["organisation"], acting["id"])
            self.answers[line.acting_hash] = "none"

    def _opinion(self, line: Line) -> str:
        hashes = [item["sha256"] for bundle in line.bundles for item in bundle.get("contents", ())]
        opinions = [self.oracle.made[one] for one in hashes if one in self.oracle.made]
        agrees = any(one.get("opinion") == "strongly-agree" for one in opinions)
        return "confirmed" if agrees else "disputed"


def ranks(ledger: Sequence[Line]) -> list[tuple[int, int, tuple[int, ...]]]:
    """Give how the openings of a ledger stand among others of their epochs, the first first.

    The higher round, then the later named head, then the smaller hash. Source: protocol, 11.
    """
    found = []
    for line in ledger:
        opening = line.entry
        if opening["act"] != "channel.opened" or opening["epoch"] == 1:
            continue
        body = opening["body"]
        round_ = body["round"] if body["opened_by"] == "succession" else 0
        smaller = tuple(-int(digit, 16) for digit in line.entry_hash)
        found.append((round_, opening["seen"]["seq"], smaller))
    return found
