"""Clusters: messages of one length that share most of their words, as drain3 groups them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

from drain3.drain import Drain, LogCluster

from logscan.templates.mining import equal_words


class Clusters(Drain):  # type: ignore[misc]  # drain3 has no types
    """drain3 with lists of clusters by word and place, as its prefix tree needs equal first words.

    Of n words k must be equal: a cluster that is alike has one of the n - k + 1 rarest, and two of one more.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self._clusters_with: defaultdict[tuple[int, int, str], list[int]] = defaultdict(list)

    def tree_search(
        self, root_node: object, tokens: Sequence[str], sim_th: float, include_params: bool
    ) -> LogCluster | None:
        equal = equal_words(len(tokens))
        lists = sorted((self._clusters_with.get(place, []) for place in _places(tokens)), key=len)
        rare = len(lists) - equal + 1
        candidates = Counter(chain.from_iterable(lists[:rare]))
        if len(candidates) > 100 and equal > 1:
            candidates.update(lists[rare])
            candidates = Counter({cluster: count for cluster, count in candidates.items() if count > 1})
        return self.fast_match(sorted(candidates), tokens, equal / max(1, len(tokens)), include_params)

    def add_seq_to_prefix_tree(self, root_node: object, cluster: LogCluster) -> None:
        for place in _places(cluster.log_template_tokens):
            self._clusters_with[place].append(cluster.cluster_id)


def _places(tokens: Sequence[str]) -> list[tuple[int, int, str]]:
    return [(len(tokens), at, token) for at, token in enumerate(tokens)] or [(0, 0, "")]
