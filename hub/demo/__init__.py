"""The story that `make demo` plays: three organisations, one incident."""
