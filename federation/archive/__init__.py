"""A channel as a file: written, read, verified and taken in."""
