"""What waits: errands, who takes them, and the loop that does them."""
