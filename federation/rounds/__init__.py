"""What the worker does for the federation, put together."""
