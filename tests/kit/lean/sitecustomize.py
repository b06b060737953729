"""For processes that tests start: leave out what only a test tool brought into the environment.

jsonschema takes rfc3987-syntax where it is installed, which costs every process seconds at its
start. A node in earnest does not have it.
"""

from __future__ import annotations

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
