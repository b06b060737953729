"""What a WSGI server loads: the application of the node that the environment names."""

from __future__ import annotations

from hub.app import create_app
from hub.settings import load_settings

app = create_app(load_settings())
