"""Data files of this floor, each with its licence beside it."""
