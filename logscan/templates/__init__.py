"""Messages to integer log keys: masks, the drain3 miner, and a frozen table for scanning.

masks.py     what is a variable by its look
patterns.py  words, patterns of words, and the table that finds the pattern of a message
clusters.py  groups of messages, by drain3
mining.py    what refines them into patterns
table.py     `Templates`: the step's one class
messages.py  `Messages`: the texts themselves, for detectors that read them
"""

from logscan.templates.messages import Input, Messages
from logscan.templates.table import Templates

__all__ = ["Input", "Messages", "Templates"]
