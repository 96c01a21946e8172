"""Labelled corpora: which logs, and what is known of them."""

from logscan.corpora.corpus import Corpus, open_corpus

__all__ = ["Corpus", "open_corpus"]
