"""The application: cases, community, accounts, API, pages and the command line."""
