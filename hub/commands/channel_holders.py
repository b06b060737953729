"""Who holds what: `tocsin channel receipts`, `tocsin channel holders`."""

from __future__ import annotations

from typing import Final

import click

from hub import clock
from hub.api.holding_models import holders_document, holding_document
from hub.channels import holders as holding
from hub.commands import frame
from hub.commands.names import get_channel_named
from hub.office import current_office
from sharing.db import reading

COLUMNS: Final = {
    "name": "organisation",
    "head": "up to",
    "at": "says so since",
    "sentence": "what",
}
HOLDER_COLUMNS: Final = {"name": "organisation", "sentence": "what"}


@click.command("receipts")
@click.argument("channel")
@frame.as_json
@frame.refusing
def receipts(channel: str, *, as_json: bool) -> None:
    """Show who holds CHANNEL up to where, each by its own signed receipt.

    With --json the receipts themselves stand beside it.
    """
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        us = current_office().desk(session).organisation
        found = get_channel_named(session, actor, channel)
        document = holders_document(
            holding.visible_holders(session, actor, found, us=us, now=clock.utcnow())
        ).model_dump(mode="json")
    if as_json:
        frame.show(document, as_json=True)
        return
    click.echo(frame.printable(document["sentence"]))
    rows = [row | {"head": _place(row["head"])} for row in document["items"]]
    frame.show_table(rows, COLUMNS, as_json=False, nothing="nobody is known yet")


@click.command("holders")
@click.argument("channel")
@click.argument("ref")
@frame.as_json
@frame.refusing
def holders(channel: str, ref: str, *, as_json: bool) -> None:
    """Show who has held REF of CHANNEL since when, and who vouches for it.

    REF is the STIX id of an object, or an entry as EPOCH/SEQ. With --json the signed words stand
    beside it. The same from a file alone: tocsin verify FILE --holders REF.
    """
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        found = get_channel_named(session, actor, channel)
        documents = [
            holding_document(one).model_dump(mode="json")
            for one in holding.visible_holdings(session, actor, found, ref)
        ]
    if as_json:
        frame.show(documents, as_json=True)
        return
    for document in documents:
        version = f", version {document['version']}" if document["version"] else ""
        place = _place(document["entry"])
        line = f"{document['ref']}{version}: in the ledger at {place} since {document['at']}"
        click.echo(frame.printable(line))
        frame.show_table(document["holders"], HOLDER_COLUMNS, as_json=False, nothing="nobody")


COMMANDS: Final = (receipts, holders)


def _place(head: dict[str, int] | None) -> str:
    return f"{head['epoch']}/{head['seq']}" if head is not None else ""
