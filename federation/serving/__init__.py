"""What other nodes may ask of this one, and what is exchanged with them."""
