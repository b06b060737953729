"""Taxonomies of incidents, as data: vocabularies of STIX, RSIT and the ISO/IEC 27035 categories."""
