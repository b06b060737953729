"""Other organisations: pairing, their keys, tokens, quotas, and the client that talks to them."""
