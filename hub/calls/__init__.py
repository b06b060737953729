"""Calls: warnings, checks of the communication, and requests for information or aid."""
