"""The version of the package, which outputs carry."""

__version__ = "0.1.0"
