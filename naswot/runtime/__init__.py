"""What the library runs on: devices, processor, compiled functions, progress and provenance."""
