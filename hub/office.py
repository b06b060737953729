"""The office of a node: the parts that pages, commands and workers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import current_app
from sqlalchemy.orm import Session

from federation.archive.file_intake import FileIntake
from federation.ledgers.desk import Desk
from federation.ledgers.outbox import Outbox
from federation.partners.client import PartnerHttp
from federation.partners.gate import Gate
from federation.replicas.replica import Replicas
from federation.rounds.rounds import Rounds
from federation.serving.exchanges import Exchanges
from hub.desk import Keys

OFFICE: Final = "tocsin.office"


@dataclass(frozen=True)
class Office:
    """The parts of this node that were joined when the application was made."""

    keys: Keys
    gate: Gate
    http: PartnerHttp
    exchanges: Exchanges
    replicas: Replicas
    outbox: Outbox
    rounds: Rounds
    files: FileIntake

    def desk(self, session: Session) -> Desk:
        """Give the desk at which this node writes.

        Raises:
            NotFoundError: the node has not been set up.
        """
        return self.keys.desk(session)


def current_office() -> Office:
    """Give the office of the application that serves this request."""
    office: Office = current_app.extensions[OFFICE]
    return office
