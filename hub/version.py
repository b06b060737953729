"""The version of this installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Give the version of the installed package."""
    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "0+unknown"
