"""Rules and vocabularies: pure functions on values, no input or output, no clock."""
