"""In front of the path of processes that tests start."""
