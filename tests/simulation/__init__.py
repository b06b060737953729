"""Nodes in one process, with the real code; the network and the clock are played."""
