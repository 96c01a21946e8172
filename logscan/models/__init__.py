"""The model bundle: what was learnt, as a folder that can be shared."""
