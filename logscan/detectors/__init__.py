"""Windows to scores: one file a method, each reading top to bottom like its source.

The contract of a detector over windows; begin a new one with a copy of `counts.py`, the smallest, and a line in
`registry.BUILT_IN`:

    class Detector:
        name                           as it is typed
        supervised                     whether it learns from labelled anomalies, and cannot do without
        reads                          what it reads of messages (see `templates.messages`), None for log keys alone
        Detector(options)              Options: a frozen dataclass, every knob with the source's value as default
        fit(normal, hashes, ends, run, anomalous) -> figures
                                       learn from normal windows. hashes: of all known keys, by number; ends: whether a
                                       window's end means something, as a session's does; run: seed, place of
                                       checkpoints, progress; anomalous: labelled windows, None without. Gives what
                                       there is to say of the training, and in `threshold` of that
        score(windows) -> Scores       of windows and of their events; higher is stranger, 0.5 is the threshold

With `save`, `load` and `provider` it can be kept as a model, with `export` and `quantize` be run without torch (see
`registry`). Beside the class may stand PRESETS of its options, and EPOCHS, which of them `--epochs` sets. `scan` judges
windows by `score` and by the `blame` of their messages (`wholes`), or by the steps in them where there are `surprise`,
`thresholds`, `seen` and `expected`, as `logllama` has them. The training of a network begins from there and from
`networks`.

`baseline` is the default of `logscan scan`. It judges records as well as windows, so it takes the log chunk by chunk.
"""
