"""The history of the database, one line, run by Alembic."""
