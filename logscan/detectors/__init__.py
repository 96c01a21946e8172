"""Windows to scores: one file a method, each reading top to bottom like its source.

The contract of a detector over windows; begin a new one with a copy of `sessions.py`:

    class Detector:
        Options                    a frozen dataclass: every knob, its default the source's value
        fit(windows)               learn from normal windows
        score(windows) -> Scores   higher is stranger; 0.5 is the calibrated threshold
        to_json() / from_json()    what was learnt, without a log line in it

`baseline` is the default of `logscan scan`. It judges records as well as windows, so it takes the log chunk by chunk.
"""
