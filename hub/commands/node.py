"""`tocsin node`: set this node up, and show what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from federation.identity import node as own_node
from federation.identity.keystore import KeyStore, recovery_pem
from federation.identity.origins import may_connect, read_origin
from hub import clock, schema
from hub.api.node import node_document
from hub.audit import service as audit
from hub.commands import frame, node_keys
from hub.settings import Settings, write_private
from policies.errors import ConflictError, InvalidError
from sharing.db import reading, transaction


@click.group("node")
def command() -> None:
    """Set this node up, and show what it is."""


@command.command("init")
@click.option("--organisation", required=True, help="The name of the organisation it speaks for.")
@click.option("--base-url", required=True, help="The origin at which partners reach it.")
@click.option("--sector", "sectors", multiple=True, help="In the words of STIX; may be repeated.")
@click.option(
    "--recovery-key",
    "recovery_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the recovery key; without it, it is printed.",
)
@frame.as_json
@frame.refusing
def init(
    organisation: str,
    base_url: str,
    sectors: tuple[str, ...],
    recovery_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Prepare the database, make the keys, sign the first descriptor.

    Run again with the same organisation and address, it only brings the database up to date. The
    recovery key is given out this once and kept nowhere on the node: keep it somewhere else.
    """
    with frame.node(any_schema=True) as (_, settings):
        hosts = frozenset(settings.plain_http_hosts)
        reachable = may_connect(read_origin(base_url), plain_http_hosts=hosts)
        if not reachable:
            raise InvalidError(reachable.reason, field="base_url")
        schema.upgrade()
        with reading() as session:
            present = own_node.find_node(session)
        if present is not None:
            if (present.name, present.base_url) != (organisation, read_origin(base_url)):
                raise ConflictError(
                    f"this node is {present.name} at {present.base_url} already",
                    hint="Another node needs another data folder: TOCSIN_DATA.",
                )
            line = f"{present.name} is set up already"
            frame.show(_document(present) | {"created": False}, as_json=as_json, line=line)
            return
        if recovery_file is not None and recovery_file.exists():
            raise ConflictError(f"{recovery_file} exists, and nothing is written over it")
        with transaction() as session:
            recovery = own_node.init_node(
                session,
                key_store(settings),
                organisation=organisation,
                base_url=base_url,
                sectors=sectors,
                now=clock.utcnow(),
            )
            pem = recovery_pem(recovery)
            if recovery_file is not None:
                write_private(recovery_file, pem.encode())
            made = own_node.get_node(session)
            audit.record(
                session, frame.console_actor(), "node.set_up", made.organisation, now=clock.utcnow()
            )
        where = "in this answer" if recovery_file is None else str(recovery_file)
        document = _document(made) | {
            "created": True,
            "recovery_key": pem if recovery_file is None else None,
            "recovery_key_file": recovery_file,
        }
        line = (
            f"{made.name} is set up at {made.base_url}\n"
            f"recovery key {made.recovery_thumbprint}: {where}\n"
            "Keep it away from this node: who has it can replace every other key."
        )
        if recovery_file is None:
            line += f"\n\n{pem.rstrip()}"
        frame.show(document, as_json=as_json, line=line)


@command.command("show")
@frame.as_json
@frame.refusing
def show(*, as_json: bool) -> None:
    """Show what this node says of itself."""
    with frame.node(), reading() as session:
        document = _document(own_node.get_node(session))
    lines = [
        f"{document['name']}  {document['base_url']}",
        f"organisation  {document['organisation']}",
        f"recovery key  {document['recovery_thumbprint']}",
        f"descriptor    version {document['descriptor_version']}",
        f"keys          {document['key_state']['standing']} since {document['key_state']['since']}",
    ]
    for key in document["keys"]:
        ended = "revoked" if key["revoked_at"] else "retired" if key["retired_at"] else "in use"
        lines.append(f"{key['use']:<9} key {key['thumbprint']}  {ended}")
    lines.append(
        "Recovery key lost? Rotation still works, revoking does not: nobody else can vouch for you."
        " Set up a new node and pair it anew, before you need it."
    )
    frame.show(document, as_json=as_json, line="\n".join(lines))


for one in node_keys.COMMANDS:
    command.add_command(one)


def key_store(settings: Settings) -> KeyStore:
    """Open the folder of this node's private keys."""
    return KeyStore(settings.keys_folder, settings.key_passphrase.get_secret_value().encode())


def _document(node: own_node.Node) -> dict[str, Any]:
    return node_document(node).model_dump(mode="json")
