"""What can go wrong through the user's doing.

LogscanError          one clear line and exit status 2
├── InputError        a log that is missing, unreadable or not what it should be
├── ModelError        a bundle that is truncated, newer than this program, or foreign
└── OptionError       an option or configuration value that means nothing
"""


class LogscanError(Exception):
    """The message is one line for the user: what was wrong, and the way out."""


class InputError(LogscanError):
    """A log or corpus that cannot be read as asked."""


class ModelError(LogscanError):
    """A model bundle that cannot be used."""


class OptionError(LogscanError):
    """An option whose value means nothing."""
