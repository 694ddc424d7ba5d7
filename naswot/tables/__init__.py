"""The project's own file formats: columns and readers, and writers that stages share."""
