"""Labelled corpora: which logs there are, what is known of them, and what is learnt from and measured on.

    corpus    paths                    -> a corpus: its logs, and one expression for the labels of its records
    table     a corpus and its logs    -> a row a window: anomalous or not, where and when
    splits    that table               -> the windows of the training part and of the test part, by a named protocol
    reading   a corpus and its split   -> windows of log keys with labels, keys learnt in the training part alone

A layout, the way in which labels lie beside or in the logs, is one file and a line in `corpus.BUILT_IN`; begin a new
one with a copy of `folders.py`.
"""

from logscan.corpora.corpus import Corpus, open_corpus

__all__ = ["Corpus", "open_corpus"]
