"""Who did what, when, from where: a record for people, not a log."""
