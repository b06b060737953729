"""TAXII 2.1: a server over collections, and a client that trusts nobody's answer."""
