"""The command line, and the steps of the road that it and the DAGs both call."""

__version__ = "0.1.0"
