"""Ledgers as a node keeps them: records, the stage, writing, and what holds a ledger up."""
