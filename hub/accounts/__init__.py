"""Who signs in here, by what, and what they may: people, sessions and personal tokens."""
