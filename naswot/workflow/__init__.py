"""What the Snakefile and the scripts share: configuration, code dependencies, job manners."""
