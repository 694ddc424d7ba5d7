"""Searches: how to choose an architecture. They see arrays and know no network."""
