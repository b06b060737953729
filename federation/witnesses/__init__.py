"""Who holds what since when: receipts made, kept, compared; forks and rollback."""
