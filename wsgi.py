"""What a WSGI server loads: the application of the node that the environment names."""

from __future__ import annotations

from hub.app import from_environment

app = from_environment()
