"""logscan reads logs and says which lines do not belong, why, and how sure it is."""

__version__ = "0.1.0"
