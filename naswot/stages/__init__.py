"""The stages of the workflow: each reads files, calls the library and writes files."""
