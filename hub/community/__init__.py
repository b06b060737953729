"""Communities: the charter that their members live by, and the directory: how to reach whom."""
