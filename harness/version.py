"""The version, apart from the package's own names so that every room may import it."""

__version__ = "0.1.0"
