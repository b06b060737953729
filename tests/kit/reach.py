"""What clients in tests may reach: this machine."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from sharing.outbound import Reach

LOOPBACK: Final = Reach(networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
