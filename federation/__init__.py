"""Node identity, partners, signed bundles, ledgers and replicas."""
