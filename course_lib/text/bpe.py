"""Byte-pair encoding: learn which neighbours to join. How a text is encoded with them stands in tokenizer.py.

Start from single bytes. Again and again, find the pair of neighbouring tokens that is most frequent in the text, and
make it a new token. (Gage 1994; for language models Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; on bytes
Radford et al. 2019, GPT-2.)

Two ideas make it fast. A text holds few *distinct* pieces, so each is kept once, with how often it occurs. And joining
a pair changes only the pieces that hold it, so the counts of pairs are updated there and never counted again.
"""

from collections import Counter, defaultdict
from heapq import heapify, heappop, heappush
from itertools import pairwise

import regex

# A text is first cut into pieces, and no token crosses a cut: English endings like 's, words, numbers and punctuation,
# each with the blank before it, and every other blank or line end by itself. So a line always ends in the token "\n".
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s"

# GPT-2 keeps blanks that stand together in one piece, all but the last, which goes with the word after it.
GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

Pair = tuple[int, int]


def train_merges(text: str, vocab_size: int) -> list[Pair]:
    """Learn the merges of a byte-pair encoding from a text.

    Arguments:
        text: what to learn from.
        vocab_size: how many tokens there shall be, with the 256 bytes, which are tokens 0 to 255.

    Returns: the merges in the order in which they were learned; the i-th makes token 256 + i. They are fewer than
        asked for if at some point no pair occurs twice: what occurs once is not worth a token.

    >>> train_merges("aaab aaab", 258)  # first a-a, then a-b: as frequent as aa-a, and of equals the lowest ids win
    [(97, 97), (97, 98)]
    """
    if vocab_size < 256:
        raise ValueError(f"vocab_size is {vocab_size}, but the 256 bytes alone are 256 tokens")
    pieces = Counter(regex.findall(PATTERN, text))
    words = [list(piece.encode()) for piece in pieces]
    frequencies = list(pieces.values())

    counts: defaultdict[Pair, int] = defaultdict(int)
    places: defaultdict[Pair, set[int]] = defaultdict(set)  # the words in which a pair occurs, or once did
    for place, (word, frequency) in enumerate(zip(words, frequencies, strict=True)):
        for pair in pairwise(word):
            counts[pair] += frequency
            places[pair].add(place)

    # The heap holds every pair under its present count, and under former ones, which are skipped when they come up.
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)

    merges: list[Pair] = []
    while len(merges) < vocab_size - 256 and heap:
        negative_count, pair = heappop(heap)
        if -negative_count != counts[pair]:
            continue
        if counts[pair] < 2:
            break
        new_token = 256 + len(merges)
        merges.append(pair)
        changed = set()
        for place in places.pop(pair):
            before = words[place]
            after = words[place] = merge(before, pair, new_token)
            for old in pairwise(before):
                counts[old] -= frequencies[place]
                changed.add(old)
            for new in pairwise(after):
                counts[new] += frequencies[place]
                places[new].add(place)
                changed.add(new)
        for each in changed:
            heappush(heap, (-counts[each], each))
    return merges


def merge(tokens: list[int], pair: Pair, new_token: int) -> list[int]:
    """Replace every occurrence of `pair` in `tokens`, from left to right.

    >>> merge([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    first, second = pair
    merged: list[int] = []
    follows_first = False  # the last of `merged` is `first`, as it stands in `tokens`
    for token in tokens:
        if token == second and follows_first:
            merged[-1] = new_token
            follows_first = False
        else:
            merged.append(token)
            follows_first = token == first
    return merged
