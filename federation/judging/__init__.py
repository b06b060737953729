"""The rules of the ledger, pure: what a bundle says, whether it is good, what it brings about."""
