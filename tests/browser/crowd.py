"""Many nodes at once: those that a walk through the pages needs around the three chairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import Standing
from hub import clock
from hub.calls import answering
from hub.calls.records import IssuedCall
from hub.cases import own_words
from hub.channels import inviting, service
from hub.channels.invitations import find_invited
from hub.community.directory_queries import visible_contacts
from hub.office import current_office
from policies.acts import ChannelKind
from policies.assessment import Assessment, ResponseState
from policies.calls import Affected
from policies.tlp import TLP
from sharing.db import reading
from tests.browser.nodes import HubNode

PATIENCE_SECONDS: Final = 120


class Crowd:
    """A coordinator and its partners, each on a node of its own that works by itself."""

    def __init__(self, folder: Path, coordinator: str, *partners: str) -> None:
        self.coordinator = HubNode(coordinator, folder / "coordinator")
        self.partners = [HubNode(name, folder / f"{at}") for at, name in enumerate(partners)]
        for one in self.partners:
            self.coordinator.pair_with(one)
        for one in self.nodes:
            one.start_worker()

    @property
    def nodes(self) -> list[HubNode]:
        return [self.coordinator, *self.partners]

    def open_community(self, name: str, charter: str | None = None) -> str:
        """Open a community in which all are, under a charter where its words are given."""
        with self.coordinator.session() as session:
            desk, actor = current_office().desk(session), self.coordinator.person()
            channel = service.open_channel(
                session,
                desk,
                actor,
                kind=ChannelKind.COMMUNITY,
                name=name,
                ceiling=TLP.AMBER,
                now=clock.utcnow(),
            ).id
        if charter is not None:
            self.coordinator.agree(channel, charter)
        with self.coordinator.session() as session:
            desk, actor = current_office().desk(session), self.coordinator.person()
            inviting.invite_several(
                session,
                desk,
                actor,
                channel,
                organisations=[one.organisation for one in self.partners],
                roles=["member"],
                now=clock.utcnow(),
            )
        self.join(channel, self.partners)
        return channel

    def join(self, channel: str, who: Sequence[HubNode]) -> None:
        """Have some of the partners join a channel that they are invited to."""
        for one in who:
            until(partial(is_invited, one, channel))
            with one.session() as session:
                desk = current_office().desk(session)
                service.join(session, desk, one.person(), channel, now=clock.utcnow())
        for one in who:
            until(partial(has, one, channel))

    def answer(self, channel: str, call: str, who: HubNode, affected: Affected) -> None:
        """Have a partner answer a warning, once it has arrived."""
        until(lambda: has_call(who, channel, call))
        with who.session() as session:
            answering.acknowledge(
                session,
                current_office().desk(session),
                who.person("jonas"),
                channel,
                call,
                affected=affected,
                now=clock.utcnow(),
            )

    def say(self, case: str, who: HubNode, state: ResponseState, stated: Assessment | None) -> None:
        """Have a partner say how far it is, and how it is hit."""
        with who.session() as session:
            desk, actor = current_office().desk(session), who.person("jonas")
            own_words.respond(session, desk, actor, case, state=state, now=clock.utcnow())
            if stated is not None:
                own_words.assess(session, desk, actor, case, assessment=stated, now=clock.utcnow())

    def can_reach(self, who: HubNode) -> bool:
        """Tell whether the coordinator knows whom to call there."""
        asker, us = self.coordinator.person(), self.coordinator.organisation
        with self.coordinator.app.app_context(), reading() as session:
            return bool(
                visible_contacts(session, asker, [who.organisation], us=us, now=clock.utcnow())
            )

    def stop(self) -> None:
        for one in self.nodes:
            one.stop()


def is_invited(node: HubNode, channel: str) -> bool:
    with node.app.app_context(), reading() as session:
        return bool(find_invited(session, channel))


def has_call(node: HubNode, channel: str, call: str) -> bool:
    with node.app.app_context(), reading() as session:
        return session.get(IssuedCall, (channel, call)) is not None


def has(node: HubNode, channel: str) -> bool:
    with node.app.app_context(), reading() as session:
        record = find_channel(session, channel)
        return record is not None and record.standing is Standing.CURRENT


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, as long as a person would."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("it does not come to that")
        time.sleep(0.1)
