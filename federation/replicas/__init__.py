"""Others' ledgers: pull, apply, follow."""
