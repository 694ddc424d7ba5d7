"""Stages of the workflow: each one reads files, calls the library and writes files."""
