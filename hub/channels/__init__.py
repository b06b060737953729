"""Channels as people see and use them: members, entries in plain words, invitations, acts."""
