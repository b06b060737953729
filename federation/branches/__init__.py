"""Owners change: openings, endorsements, which branch holds, and what was left."""
