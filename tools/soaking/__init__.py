"""Killing runs at random, and looking at what is left."""
