"""The machine and the process: device, cores, compiled functions, progress, provenance."""
