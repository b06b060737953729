"""What a coordinator does, in a real browser."""
