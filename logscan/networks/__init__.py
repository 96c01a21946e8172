"""What neural detectors over log keys share: tokens, batches of sequences, and the training loop.

`vocabulary` and `batches` need numpy alone, so that an exported model scans without torch; `loop` is torch.
"""
