"""Code that the Snakefile and the scripts share: configuration, plan, code dependencies, jobs."""
