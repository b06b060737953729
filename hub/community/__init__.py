"""Communities: the charter that their members live by."""
