"""A whole node asks nobody inside its own network, whoever tells it to. Source: protocol, 4, 14."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from federation.identity.origins import Destination
from policies.errors import ForbiddenError, UnavailableError
from sharing.taxii.connection import Connection, Limits
from tests.kit.nodes import running

INSIDE = ("https://10.0.0.5", "https://169.254.169.254", "https://[fd00::1]", "https://192.168.1.1")


def test_no_descriptor_leads_a_node_into_its_own_network(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,), cert.app.app_context():
        for origin in INSIDE:
            with pytest.raises(ForbiddenError, match="not a public address") as refusal:
                cert.office.http.get_heads(Destination(origin))
            assert "TOCSIN_PRIVATE_NETWORKS" in (refusal.value.hint or "")
        itself = Destination(f"http://127.0.0.1:{cert.port}")
        assert cert.office.http.get_descriptors(itself), "a trial on one machine"


def test_an_administrator_allows_what_is_meant(tmp_path: Path) -> None:
    allowed: dict[str, Any] = {"private_networks": "127.0.0.0/8", "private_hosts": "in.example"}
    with running(tmp_path, "CERT", **allowed) as (cert,), cert.app.app_context():
        with pytest.raises(ForbiddenError):
            cert.office.http.get_heads(Destination("https://10.0.0.5"))
        with pytest.raises(UnavailableError):
            cert.office.http.get_heads(Destination("https://127.0.0.2:1"))


def test_the_taxii_client_is_held_to_the_same() -> None:
    connection = Connection("https://10.0.0.5", None, ca_file=None, limits=Limits())
    with pytest.raises(ForbiddenError, match="not a public address"):
        connection.get("https://10.0.0.5/taxii2/")
