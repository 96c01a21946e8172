"""Records to windows: the sequences of log keys that belong together.

`Window` cuts a log by session, time or count. `Sessions` takes the records block by block and gives back `Windows` at
the end, `OpenWindows` whenever they grow: flat arrays of events with one offset a window, so that what comes after
works on whole columns and distinct sequences.
"""

from logscan.windows.cut import Window
from logscan.windows.open import OpenWindows
from logscan.windows.sessions import Sessions, Windows

__all__ = ["OpenWindows", "Sessions", "Window", "Windows"]
