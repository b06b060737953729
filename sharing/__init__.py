"""STIX objects and their store, TAXII server and client."""
