"""On the path of a node's processes: lets a test move their clock and tell who is calling."""
