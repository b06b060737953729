"""`python -m hub.commands`: the command line where the script is not installed."""

from __future__ import annotations

from hub.commands import main

main(prog_name="tocsin")
