"""The version of the package, which outputs carry."""

__version__ = "0.2.0"
