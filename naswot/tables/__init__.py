"""The project's own file formats: columns, writers and readers."""
