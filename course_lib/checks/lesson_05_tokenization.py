"""What right answers of lesson 05 obey, and what wrong ones look like.

A *piece* is a stretch of text that no token crosses; a *pair* is two neighbouring tokens. The bytes
are tokens 0 to 255.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial, any_of

Pair = tuple[int, int]
Pieces = Mapping[tuple[int, ...], int]


def _like(mistake: str, wrong: Any, says: str) -> Mistake:
    """A mistake known by its result, where that is not made of numbers alone."""
    return Mistake(mistake, lambda got: type(got) is not bool and bool(got == wrong), says)


@exercise("05.1", title="Count the pairs", stars=1, minutes=10)
def count_pairs(trial: Trial) -> None:
    law = "a pair counts once for every place where it stands, times the frequency of the piece"
    # The likely mistakes all give something else on this.
    _agrees_on_counts(trial, {(1, 2): 4, (2, 2, 1): 9, (2, 2, 2, 2): 11}, law)
    _agrees_on_counts(trial, {(1, 2, 1, 2): 3, (2, 1): 10}, law)
    drawn = {
        tuple(trial.integers(5, length).tolist()): 2 + int(trial.integers(8))
        for length in (3, 5, 2, 6, 4, 7, 1, 5, 3, 6, 2, 4)
    }
    _agrees_on_counts(trial, drawn, law)
    _agrees_on_counts(
        trial, {(4, 4, 4): 2, (4, 4, 4, 4, 4): 5}, "in (4, 4, 4) the pair (4, 4) stands twice: places may overlap"
    )
    _agrees_on_counts(trial, {(300, 7): 1, (7,): 8}, "a piece of a single token holds no pair")
    _agrees_on_counts(trial, {(7,): 5, (): 2}, "where there is no pair, the dictionary is empty")


def _agrees_on_counts(trial: Trial, pieces: Pieces, law: str) -> None:
    right = _counts(pieces)
    returned = trial(pieces=pieces)
    if isinstance(returned.value, Mapping) and dict(returned.value) == right:
        return
    tokens = {token for piece in pieces for token in piece}
    earliest = _last_only(dict(reversed(list(pieces.items()))), False)
    laid_once = _counts({tuple(token for piece in pieces for token in piece): 1})
    laid_often = _counts({tuple(token for piece, often in pieces.items() for token in piece * often): 1})
    returned.equals(
        right,
        law,
        Mistake(
            "not_a_dictionary",
            lambda got: not isinstance(got, Mapping),
            "Wanted is a dictionary from each pair to its count. A `Counter` is one too; its `most_common()` is not.",
        ),
        Mistake(
            "counts_tokens",
            lambda got: tokens & set(got),
            "These are counts of single tokens. Wanted are those of two neighbours.",
        ),
        Mistake(
            "wrong_keys",
            lambda got: not all(isinstance(key, tuple) and len(key) == 2 for key in got),
            "Not every key is a tuple of two tokens, like `(1, 2)`.",
        ),
        _like(
            "ignores_frequency",
            _counts(dict.fromkeys(pieces, 1)),
            "Every piece counts once. But each stands for many: a piece that occurs 3 times brings each of its pairs "
            "3 times.",
        ),
        _like(
            "once_per_piece",
            _counts(pieces, lambda piece: set(pairwise(piece))),
            "A pair that stands twice in a piece was counted once there. Is there a set, or an `in`, where it should "
            "be counted place by place?",
        ),
        *(
            _like(
                "overwrites",
                wrong,
                "A pair that several pieces share has the count of one of them only. Add to what is there (`+=`); an "
                "assignment forgets it.",
            )
            for wrong in (_last_only(pieces, False), _last_only(pieces, True), earliest)
        ),
        *(
            _like(
                "first_place_lost",
                wrong,
                "The first place of each pair does not bring its piece's frequency. Where a pair is met for the first "
                "time, its count begins with the frequency, not with 0 or 1.",
            )
            for wrong in (_begun_with(pieces, 0), _begun_with(pieces, 1))
        ),
        *(
            _like(
                "one_piece_only",
                _counts(dict([one])),
                "These are the pairs of one piece alone. Is the dictionary made anew for each piece, or does the "
                "`return` stand inside the loop?",
            )
            for one in (*list(pieces.items())[:1], *list(pieces.items())[-1:])
        ),
        _like(
            "misses_an_end",
            _counts(pieces, lambda piece: pairwise(piece[:-1])),
            "The last pair of every piece is missing. A piece of n tokens has n − 1 pairs, and `range(n - 2)` stops "
            "too early.",
        ),
        _like(
            "misses_an_end",
            _counts(pieces, lambda piece: pairwise(piece[1:])),
            "The first pair of every piece is missing. A piece of n tokens has n − 1 pairs.",
        ),
        _like(
            "wraps_round",
            _counts(pieces, lambda piece: [(piece[i - 1], piece[i]) for i in range(len(piece))]),
            "The last token of a piece and its first were taken for neighbours: `piece[-1]` is the last one. Start one "
            "later.",
        ),
        _like(
            "no_overlaps",
            _counts(pieces, _apart),
            "Places that overlap were counted once. Merging cannot join both, it is true; yet what is counted here is "
            "every place, as it is in the lesson.",
        ),
        _like(
            "steps_by_two",
            _counts(pieces, lambda piece: zip(piece[::2], piece[1::2], strict=False)),
            "The piece was cut into twos: after (first, second) comes (second, third), and that is missing.",
        ),
        *(
            _like(
                "any_order",
                wrong,
                "(1, 2) and (2, 1) were counted together, or turned round. They are two pairs: which comes first "
                "matters.",
            )
            for wrong in (
                _counts(pieces, lambda piece: [(min(pair), max(pair)) for pair in pairwise(piece)]),
                _counts(pieces, lambda piece: [(second, first) for first, second in pairwise(piece)]),
            )
        ),
        *(
            _like(
                "not_neighbours",
                wrong,
                "Any two tokens of a piece were paired. Only neighbours are a pair.",
            )
            for wrong in (
                _counts(pieces, lambda piece: combinations(piece, 2)),
                _counts(pieces, lambda piece: set(combinations(piece, 2))),
            )
        ),
        Mistake(
            "across_pieces",
            lambda got: set(got) - set(right) or dict(got) in (laid_once, laid_often),
            "There is a pair in it that no piece holds. Do you lay the pieces one behind another? A pair may not reach "
            "from one into the next, and a piece of one token has none.",
        ),
        Mistake(
            "pairs_missing",
            lambda got: set(right) - set(got),
            "Some pairs are missing altogether.",
        ),
        Mistake(
            "wrong_value",
            lambda got: isinstance(got, Mapping),
            "The pairs are the right ones, and their counts are not. Try the smallest piece by hand.",
        ),
    )


def _counts(pieces: Pieces, pairs: Callable[[tuple[int, ...]], Iterable[Pair]] = pairwise) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for piece, frequency in pieces.items():
        for pair in pairs(piece):
            counts[pair] += frequency
    return dict(counts)


def _last_only(pieces: Pieces, added_up: bool) -> dict[Pair, int]:
    """What is left if each piece overwrites what earlier ones said of a pair."""
    counts: dict[Pair, int] = {}
    for piece, frequency in pieces.items():
        for pair, places in Counter(pairwise(piece)).items():
            counts[pair] = frequency * (places if added_up else 1)
    return counts


def _begun_with(pieces: Pieces, first: int) -> dict[Pair, int]:
    """Counts to which the first place of a pair brings `first` instead of a frequency."""
    counts: dict[Pair, int] = {}
    for piece, frequency in pieces.items():
        for pair in pairwise(piece):
            counts[pair] = counts[pair] + frequency if pair in counts else first
    return counts


def _apart(piece: tuple[int, ...]) -> list[Pair]:
    """Pairs of a piece without those that overlap an equal one before them."""
    pairs: list[Pair] = []
    overlaps = False
    for before, pair in pairwise([None, *pairwise(piece)]):
        overlaps = pair == before and not overlaps
        if not overlaps:
            pairs.append(pair)  # type: ignore[arg-type]
    return pairs


@exercise("05.2", title="Join a pair", stars=1, minutes=15)
def merge(trial: Trial) -> None:
    everywhere = "every place where the pair stands becomes the new token, and all else stays as it is"
    for tokens, pair in (
        ([1, 2, 3, 1, 2], (1, 2)),
        ([5, 1, 2, 1, 3, 2, 1, 2, 4], (1, 2)),
        (trial.integers(3, 40).tolist(), (0, 2)),
    ):
        _agrees_on_merge(trial, tokens, pair, 9, everywhere)
    equals = "of places that overlap, the leftmost is joined first"
    for tokens in ([1, 1, 1, 2], [3, 1, 1, 1, 1, 1], [1, 1, 1, 1]):
        _agrees_on_merge(trial, tokens, (1, 1), 9, equals)
    _agrees_on_merge(trial, trial.integers(2, 30).tolist(), (1, 1), 9, equals)
    _agrees_on_merge(trial, [1, 1, 2, 1], (1, 2), 9, "a token that starts no pair stays, even if it equals the first")
    _agrees_on_merge(trial, [11, 2, 1, 22, 1, 2], (1, 2), 300, "tokens are numbers, not strings of digits")
    for tokens, law in (
        ([2, 1], "where the pair does not stand, nothing changes"),
        ([1], "a single token is no pair"),
        ([], "an empty list stays empty"),
    ):
        _agrees_on_merge(trial, tokens, (1, 2), 9, law)


def _agrees_on_merge(trial: Trial, tokens: list[int], pair: Pair, new_token: int, law: str) -> None:
    first, second = pair
    right = _merge(tokens, pair, new_token)
    drops = [new_token if two == pair else two[0] for two in pairwise(tokens)]
    trial(tokens=tokens, pair=pair, new_token=new_token).equals(
        right,
        law,
        Mistake(
            "not_token_ids",
            lambda got: not isinstance(got, Sequence | Iterable) or isinstance(got, str | bytes),
            "Wanted is a list of tokens.",
        ),
        Mistake(
            "nested",
            lambda got: any(isinstance(token, list | tuple) for token in got),
            "There is a list or a tuple inside the list. What the pair becomes is one token, the number `new_token`.",
        ),
        Mistake(
            "nothing_joined",
            tokens if tokens != right else None,
            "Nothing was joined. Do you compare a list with a tuple? `[1, 2] == (1, 2)` is False.",
        ),
        Mistake(
            "keeps_the_second",
            [*drops, *tokens[-1:]],
            "The second token of the pair is still there: once a pair is joined, go on *two* places further. (In a "
            "`for` loop over places, `i += 1` does not move the loop.)",
        ),
        Mistake(
            "loses_the_last",
            lambda got: list(got) in (right[:-1], drops) and len(tokens) > 0,
            "The last token got lost. It has no right neighbour, and has to be kept all the same.",
        ),
        Mistake(
            "last_twice",
            [*right, *tokens[-1:]],
            "The last token is there once too often: it was already part of a pair, and was added all the same.",
        ),
        Mistake(
            "from_the_right",
            _merge(tokens[::-1], (second, first), new_token)[::-1],
            "Joined from the right. Start at the left: in 1 1 1 the first two become the new token.",
        ),
        Mistake(
            "first_place_only",
            _merge_once(tokens, pair, new_token),
            "Only the first place was joined. Go on to the end.",
        ),
        Mistake(
            "any_order",
            _merge_where(tokens, new_token, lambda a, b: (a, b) == pair or (b, a) == pair),
            "The pair was joined in the opposite order as well. First and second must match in their places.",
        ),
        *any_of(
            "half_a_match",
            "Something was joined that is not the pair: *both* tokens have to match.",
            _merge_where(tokens, new_token, lambda a, b: a == first),
            _merge_where(tokens, new_token, lambda a, b: b == second),
            _merge_where(tokens, new_token, lambda a, b: a == first or b == second),
            _merge_where(tokens, new_token, lambda a, b: a in pair and b in pair),
            [new_token if token in pair else token for token in tokens],
        ),
        Mistake(
            "digits_joined",
            lambda got: first != second and set(got) - set(tokens) - {new_token},
            "There are tokens in it that were not there before. In a string of digits, a 1 is also the end of 11: "
            "stay with lists.",
        ),
        Mistake(
            "joins_twice",
            lambda got: first == second and list(got).count(new_token) > right.count(new_token),
            "A token was used for two pairs. Once joined, it is gone: go on behind it.",
        ),
        Mistake(
            "drops_tokens",
            lambda got: len(got) < len(right),
            "Tokens are missing. Everything that is no part of the pair has to be copied.",
        ),
        Mistake("too_many_tokens", lambda got: len(got) > len(right), "There are too many tokens."),
    )


def _merge(tokens: Sequence[int], pair: Pair, new_token: int) -> list[int]:
    return _merge_where(tokens, new_token, lambda a, b: (a, b) == pair)


def _merge_where(tokens: Sequence[int], new_token: int, joins: Callable[[int, int], bool]) -> list[int]:
    merged: list[int] = []
    place = 0
    while place < len(tokens):
        if place + 1 < len(tokens) and joins(tokens[place], tokens[place + 1]):
            merged.append(new_token)
            place += 2
        else:
            merged.append(tokens[place])
            place += 1
    return merged


def _merge_once(tokens: Sequence[int], pair: Pair, new_token: int) -> list[int]:
    for place, two in enumerate(pairwise(tokens)):
        if two == pair:
            return [*tokens[:place], new_token, *tokens[place + 2 :]]
    return list(tokens)


THERE = [(101, 114), (104, 101), (116, 257), (258, 110)]
"""er, he, the, then."""

TANGLED = [(98, 100), (99, 97), (99, 256), (98, 258), (257, 256), (97, 97), (97, 99), (99, 98), (99, 100)]
"""bd, ca, cbd, bcbd, cabd, aa, ac, cb, cd."""

WORDS = {
    " the": 60, " then": 18, " there": 15, " other": 9, " weather": 6, " whether": 7, " mother": 8, " bother": 3,
    " hat": 11, " that": 25, " chat": 2, " heater": 4, " theatre": 3, " rehearse": 2, "banana": 5, " bandana": 4,
    " naïve": 3, " née": 2, "猫": 4, "猫猫": 2, "aaaa": 3, "aaaaaaa": 2,
}  # fmt: skip


@exercise("05.3", title="Encode by rank", stars=2, minutes=20)
def encode(trial: Trial) -> None:
    law = "of all pairs that can be joined, the one learned first is joined first, until none is left"
    learned = _train(WORDS, 60)
    _agrees_on_encoding(trial, b"abcd", [(97, 98), (99, 100)], law)
    # On these, the likely mistakes all give something else.
    _agrees_on_encoding(trial, b"cbdcaccaada", TANGLED, law)
    _agrees_on_encoding(trial, b"hethatheathat", learned, law)
    _agrees_on_encoding(trial, b"abcab", [(98, 99), (97, 98)], law)
    for piece in (b"then", b"there", b"he", b"xyz"):
        _agrees_on_encoding(trial, piece, THERE, law)
    for text in (" weather", " theatre", "banana", " rehearsal", "aaaaa", " there", " bananas", "chatter", " hahaha"):
        _agrees_on_encoding(trial, text.encode(), learned, law)
    for text in ("naïve", "猫猫猫", "🙂"):
        _agrees_on_encoding(trial, text.encode(), learned, "any bytes can be encoded, of whatever script")
    _agrees_on_encoding(trial, bytes(range(256)), learned, "any bytes can be encoded, valid UTF-8 or not")
    letters = "the rwanobm"
    for _ in range(12):
        drawn = "".join(letters[i] for i in trial.integers(len(letters), 12).tolist())
        _agrees_on_encoding(trial, drawn.encode(), learned, law)
    for piece, merges, edge in (
        (b"a", learned, "a single byte is a token"),
        (b"", learned, "nothing has no tokens"),
        (b"then", [], "without merges, the tokens are the bytes"),
    ):
        _agrees_on_encoding(trial, piece, merges, edge)


def _agrees_on_encoding(trial: Trial, piece: bytes, merges: list[Pair], law: str) -> None:
    right = _encode(piece, merges)
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    names = _names(merges)
    shifted = [token - 256 if token > 255 else token for token in right]
    trial(piece=piece, merges=merges).equals(
        right,
        law,
        Mistake(
            "bytes_not_ids",
            lambda got: isinstance(got, str | bytes) or any(isinstance(token, str | bytes) for token in got),
            "Wanted are the tokens' numbers: a byte is its own number, and merge number i makes token 256 + i.",
        ),
        Mistake(
            "nested",
            lambda got: any(isinstance(token, list | tuple) for token in got),
            "There are pairs inside the list. A joined pair is one token, the number 256 + i.",
        ),
        Mistake(
            "nothing_joined",
            list(piece) if list(piece) != right else None,
            "These are still the bytes: nothing was joined. `merge` returns a new list: is that one kept?",
        ),
        *any_of(
            "wrong_number",
            "The cuts are right, and the numbers of the joined tokens are not. Merge number i, counted from 0, makes "
            "token 256 + i: the 256 bytes come first.",
            shifted,
            [token - 1 if token > 255 else token for token in right],
            [token + 1 if token > 255 else token for token in right],
        ),
        Mistake(
            "most_frequent_first",
            _encode(piece, merges, lambda pairs: max(pairs, key=lambda pair: (pairs[pair], -ranks[pair]))),
            "Pairs are counted in this piece, and the most frequent is joined. Counting belongs to training; encoding "
            "goes by the order of the merges.",
        ),
        Mistake(
            "longest_match",
            _longest_match(piece, names),
            "That takes the longest token that fits, from the left. Byte-pair encoding does not look for long tokens: "
            "it repeats the merges in the order in which they were learned.",
        ),
        *any_of(
            "left_to_right",
            "That joins whichever pair comes first in the *text*. What counts is which was learned first.",
            _encode(piece, merges, lambda pairs: next(iter(pairs))),
            _left_to_right(piece, ranks),
        ),
        Mistake(
            "rank_zero_forgotten",
            _encode(piece, merges, unknown=0),
            "The first merge of the list is never used. Its rank is 0, and Python takes 0 for False: ask whether a "
            "pair is there with `in`, or `is not None`.",
        ),
        Mistake(
            "last_learned_first",
            _encode(piece, merges, lambda pairs: max(pairs, key=ranks.__getitem__)),
            "Of the pairs that can be joined, you take the one learned *last*. The lowest rank comes first.",
        ),
        *any_of(
            "stops_early",
            "Some pairs were left that can still be joined. A joined token can be part of a further pair: go on until "
            "there is no pair left that has a rank.",
            _joined_best(piece, ranks),
            _merge_once(list(piece), _best(list(piece), ranks) or (-1, -1), 256 + ranks.get(_best(piece, ranks), 0)),
        ),
        Mistake(
            "first_place_only",
            _first_places(piece, merges),
            "Each merge was done once, at its first place. The same pair may stand further on as well.",
        ),
        Mistake(
            "from_the_right",
            _encode(piece, merges, from_the_right=True),
            "Of equal pairs that overlap, join the leftmost first.",
        ),
        Mistake(
            "fewest_tokens",
            lambda got: _spells(got, piece, merges) and len(got) < len(right),
            "Those are fewer tokens than byte-pair encoding makes, and they spell the piece. But the rule is not to be "
            "short: each time, join the pair that was learned first.",
        ),
        Mistake(
            "stops_early",
            lambda got: _spells(got, piece, merges) and any(pair in ranks for pair in pairwise(got)),
            "Two neighbours are left that could still be joined.",
        ),
        Mistake(
            "other_cuts",
            lambda got: _spells(got, piece, merges),
            "They spell the piece, but other pairs were joined, or in another order. Each time, of the pairs that are "
            "there *now*, join the one that stands earliest in `merges`.",
        ),
        Mistake(
            "other_bytes",
            lambda got: all(0 <= int(token) < 256 + len(merges) for token in got),
            "Put together, these tokens do not spell the piece. Merge number i, counted from 0, makes token 256 + i, "
            "and what no merge joins stays.",
        ),
        Mistake(
            "no_such_token",
            lambda got: any(not 0 <= int(token) < 256 + len(merges) for token in got),
            "There is a number in it that is no token: they run from 0 to 255 + the number of merges.",
        ),
    )


def _ranked(tokens: Sequence[int], ranks: Mapping[Pair, int]) -> Counter[Pair]:
    """Pairs that can be joined, in the order of the text, with how often they stand there."""
    return Counter(pair for pair in pairwise(tokens) if pair in ranks)


def _best(tokens: Sequence[int], ranks: Mapping[Pair, int]) -> Any:
    return min(_ranked(tokens, ranks), key=ranks.__getitem__, default=None)


def _encode(
    piece: bytes,
    merges: Sequence[Pair],
    choose: Callable[[Counter[Pair]], Pair] | None = None,
    *,
    from_the_right: bool = False,
    unknown: int | None = None,
) -> list[int]:
    ranks = {pair: rank for rank, pair in enumerate(merges) if rank != unknown}
    tokens = list(piece)
    while pairs := _ranked(tokens, ranks):
        pair = choose(pairs) if choose else min(pairs, key=ranks.__getitem__)
        if from_the_right:
            tokens = _merge(tokens[::-1], (pair[1], pair[0]), 256 + ranks[pair])[::-1]
        else:
            tokens = _merge(tokens, pair, 256 + ranks[pair])
    return tokens


def _joined_best(piece: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """Only the pair of lowest rank is joined, and then nothing more."""
    pair = _best(piece, ranks)
    return list(piece) if pair is None else _merge(list(piece), pair, 256 + ranks[pair])


def _left_to_right(piece: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """Passes from left to right that join whatever they can, until nothing can be joined."""
    tokens = list(piece)
    while True:
        joined: list[int] = []
        for token in tokens:
            if joined and (joined[-1], token) in ranks:
                joined[-1] = 256 + ranks[joined[-1], token]
            else:
                joined.append(token)
        if joined == tokens:
            return tokens
        tokens = joined


def _first_places(piece: bytes, merges: Sequence[Pair]) -> list[int]:
    tokens = list(piece)
    for rank, pair in enumerate(merges):
        tokens = _merge_once(tokens, pair, 256 + rank)
    return tokens


def _names(merges: Sequence[Pair]) -> list[bytes]:
    names = [bytes([value]) for value in range(256)]
    for first, second in merges:
        names.append(names[first] + names[second])
    return names


def _longest_match(piece: bytes, names: Sequence[bytes]) -> list[int]:
    ids = {name: number for number, name in enumerate(names)}
    tokens = []
    while piece:
        length = next(n for n in range(len(piece), 0, -1) if piece[:n] in ids)
        tokens.append(ids[piece[:length]])
        piece = piece[length:]
    return tokens


def _spells(got: Iterable[Any], piece: bytes, merges: Sequence[Pair]) -> bool:
    names = _names(merges)
    return all(0 <= int(token) < len(names) for token in got) and piece == b"".join(names[int(token)] for token in got)


@exercise("05.4", title="Train a tokenizer", stars=2, minutes=25)
def train(trial: Trial) -> None:
    law = "each merge joins the pair that is most frequent *now*, counted over all pieces with their frequencies"
    # The likely mistakes all give something else on this.
    _agrees_on_training(trial, {"d": 8, "é": 7, "daéad": 2, "ab": 6}, 4, law)
    _agrees_on_training(trial, {"aab": 4, "ab": 3, "b": 9}, 2, law)
    _agrees_on_training(trial, WORDS, 25, law)
    _agrees_on_training(trial, {"low": 5, "lower": 2, "newest": 6, "widest": 3}, 6, law)
    _agrees_on_training(
        trial,
        {"zy": 4, "bd": 5, "bc": 5, "zzy": 1},
        3,
        "of pairs that are equally frequent, the one with the lowest ids",
    )
    _agrees_on_training(
        trial,
        # Once x and y are joined, what they make stands beside "a" as often as "b" beside "c", and 98 is below 256.
        {"xy": 9, "axy": 3, "xya": 3, "bc": 3, "cb": 2},
        3,
        "of pairs that are equally frequent, the one with the lowest ids",
    )
    _agrees_on_training(
        trial, {"né": 5, "猫": 7, "猫né": 2}, 5, "a character is one to four bytes, and tokens begin there"
    )
    letters = "abcd"
    for size in (6, 9):
        drawn = {
            "".join(letters[i] for i in trial.integers(4, 1 + int(trial.integers(6))).tolist()): 1
            + int(trial.integers(5))
            for _ in range(size)
        }
        _agrees_on_training(trial, drawn, 5, law)
    early = "training ends early when no pair occurs twice: what occurs once is not worth a token"
    _agrees_on_training(trial, {"aab": 4, "ab": 3, "b": 9}, 10, early)
    _agrees_on_training(trial, {"abc": 1, "cab": 1}, 10, early)
    _agrees_on_training(trial, {"a": 3, "b": 2}, 5, "pieces of one byte hold nothing to join")
    _agrees_on_training(trial, {"aab": 4}, 0, "where no merge is asked for, none is learned")


def _agrees_on_training(trial: Trial, pieces: dict[str, int], n_merges: int, law: str) -> None:
    right = _train(pieces, n_merges)
    returned = trial(pieces=pieces, n_merges=n_merges)
    returned.equals(
        right,
        law,
        Mistake(
            "bytes_not_ids",
            lambda got: any(isinstance(part, str | bytes) for pair in got for part in pair),
            "Wanted are pairs of token numbers, like (97, 98). `piece.encode()` gives the bytes, and `list(...)` of "
            "that their numbers.",
        ),
        Mistake(
            "not_pairs",
            lambda got: any(len(pair) != 2 for pair in got),
            "Wanted is a list of pairs of token numbers, in the order in which they were learned.",
        ),
        Mistake(
            "with_counts",
            lambda got: any(as_numbers(pair) is None for pair in got) or isinstance(got, Mapping),
            "Wanted is a plain list of pairs `(first, second)`, without counts or new numbers.",
        ),
        Mistake(
            "too_many",
            lambda got: len(got) > n_merges,
            f"{n_merges} merges were asked for.",
        ),
        Mistake(
            "joins_what_occurs_once",
            _train(pieces, n_merges, at_least=1),
            "It goes on with pairs that occur once. Stop when the most frequent occurs fewer than two times.",
        ),
        Mistake(
            "counts_never_renewed",
            _train(pieces, n_merges, renew=False),
            "Those are the most frequent pairs of the *first* count. Every merge changes what stands beside what: join "
            "the pair in all pieces, and count again.",
        ),
        Mistake(
            "ignores_frequency",
            _train(dict.fromkeys(pieces, 1), n_merges),
            "Every piece counts once. But each stands for many: add its frequency, not 1.",
        ),
        Mistake(
            "ignores_frequency",
            _train(dict.fromkeys(pieces, 1), n_merges, at_least=1),
            "Every piece counts once. But each stands for many: add its frequency, not 1.",
        ),
        Mistake(
            "once_per_piece",
            _train(pieces, n_merges, pairs_of=lambda word: dict.fromkeys(pairwise(word))),
            "A pair that stands twice in a piece was counted once there. Count it place by place.",
        ),
        Mistake(
            "no_overlaps",
            _train(pieces, n_merges, pairs_of=_apart),
            "In a piece like *aaa*, places that overlap were counted once. Count every place, as in 05.1.",
        ),
        *any_of(
            "tie_highest",
            "Of equally frequent pairs, yours takes the one with the highest ids: `max` over (count, pair) does that. "
            "The lowest should win.",
            _train(pieces, n_merges, key=lambda pair, count: (count, pair)),
        ),
        *any_of(
            "tie_by_place",
            "Of equally frequent pairs, yours takes the one that it met first, as `most_common` and `max` over counts "
            "do, or the one it met last. The pair with the lowest ids should win: make that part of what is compared.",
            _train(pieces, n_merges, key=lambda pair, count: count),
            _train(pieces, n_merges, key=lambda pair, count: count, backwards=True),
        ),
        *any_of(
            "tie_by_spelling",
            "Of equally frequent pairs, yours takes one by its letters, or by its length. Compare the numbers of the "
            "tokens: first those of the first, then those of the second.",
            _train(pieces, n_merges, spelled=lambda a, b: (a + b,)),
            _train(pieces, n_merges, spelled=lambda a, b: (a, b)),
            _train(pieces, n_merges, spelled=lambda a, b: (-len(a + b), a + b)),
            _train(pieces, n_merges, spelled=lambda a, b: (len(a + b), a + b)),
        ),
        Mistake(
            "tie_by_second",
            _train(pieces, n_merges, key=lambda pair, count: (count, -pair[1], -pair[0])),
            "Of equally frequent pairs, compare the first tokens first, and only if those are equal the second.",
        ),
        Mistake(
            "tie_by_sum",
            _train(pieces, n_merges, key=lambda pair, count: (count, -pair[0] - pair[1])),
            "Of equally frequent pairs, compare the first tokens, and if those are equal the second: not their sum.",
        ),
        Mistake(
            "least_frequent",
            _train(pieces, n_merges, key=lambda pair, count: (-count, -pair[0], -pair[1])),
            "That joins the *rarest* pair each time.",
        ),
        *any_of(
            "wrong_number",
            "The new tokens have the wrong numbers. The first merge makes token 256, the next 257, and so on.",
            _train(pieces, n_merges, first_new=255),
            _train(pieces, n_merges, first_new=257),
            _train(pieces, n_merges, first_new=0),
            _train(pieces, n_merges, first_new=1),
        ),
        Mistake(
            "characters_not_bytes",
            _train(pieces, n_merges, bytes_of=lambda piece: [ord(character) for character in piece]),
            "Yours begins with characters. Tokens begin with bytes: é is two of them, 猫 three. Use `piece.encode()`.",
        ),
        Mistake(
            "across_pieces",
            _train({"".join(piece * count for piece, count in pieces.items()): 1}, n_merges),
            "Pairs reach from one piece into the next. The pieces were cut apart so that no token crosses a cut.",
        ),
        Mistake(
            "nothing_learned",
            lambda got: len(got) == 0 and len(right) > 0,
            "Nothing was learned.",
        ),
        Mistake(
            "repeats_itself",
            lambda got: len({tuple(map(int, pair)) for pair in got}) < len(got),
            "The same pair was learned twice. Once it is joined everywhere, it cannot occur again: were the pieces "
            "replaced by what `merge` returns?",
        ),
        Mistake(
            "too_few",
            lambda got: 0 < len(got) < len(right) and [tuple(map(int, pair)) for pair in got] == right[: len(got)],
            "These are right, and there are more to learn. Stop when no pair occurs twice, or when there are as many "
            "as were asked for.",
        ),
        Mistake(
            "not_made_yet",
            lambda got: any(max(map(int, pair)) >= 256 + place for place, pair in enumerate(got)),
            "A merge joins a token that is made only later. The first merge makes token 256, the next 257, and so on.",
        ),
        *_first_difference(returned.value, right, pieces),
    )


def _first_difference(got: Any, right: list[Pair], pieces: Mapping[str, int]) -> list[Mistake]:
    """What the first wrong merge joins, and what it should have joined."""
    try:
        said = [(int(first), int(second)) for first, second in got]
    except (TypeError, ValueError):
        return []
    place = next((i for i, (a, b) in enumerate(zip(said, right, strict=False)) if a != b), None)
    if place is None:
        return [Mistake("differs", lambda got: True, "It goes on after there is nothing left that occurs twice.")]
    words = {tuple(piece.encode()): frequency for piece, frequency in pieces.items()}
    for number, pair in enumerate(right[:place], start=256):
        words = {tuple(_merge(word, pair, number)): frequency for word, frequency in words.items()}
    counts = _counts(words)
    theirs, best = counts.get(said[place], 0), counts[right[place]]
    seen = (
        f"By then {said[place]} stands {theirs} times in the pieces, and {right[place]} {best} times, frequencies "
        "counted in."
    )
    if theirs == best:
        return [
            Mistake("tie", lambda got: True, f"Merge number {place} is a tie. {seen} The lowest ids should win."),
        ]
    return [Mistake("differs", lambda got: True, f"Merge number {place}, counted from 0, is wrong. {seen}")]


def _train(
    pieces: Mapping[str, int],
    n_merges: int,
    *,
    at_least: int = 2,
    renew: bool = True,
    key: Callable[[Pair, int], Any] = lambda pair, count: (count, -pair[0], -pair[1]),
    spelled: Callable[[bytes, bytes], tuple[Any, ...]] | None = None,
    backwards: bool = False,
    first_new: int = 256,
    bytes_of: Callable[[str], Iterable[int]] = str.encode,
    pairs_of: Callable[[tuple[int, ...]], Iterable[Pair]] = pairwise,
) -> list[Pair]:
    """The merges; or what comes of another rule, one of those that learners think of."""
    words = [(list(bytes_of(piece)), frequency) for piece, frequency in pieces.items()]
    names = {number: bytes([number]) for number in range(256)}
    merges: list[Pair] = []
    first_counts: dict[Pair, int] | None = None
    while len(merges) < n_merges:
        counts: dict[Pair, int] = {}
        for word, frequency in words:
            for pair in pairs_of(tuple(word)):
                counts[pair] = counts.get(pair, 0) + frequency
        if not renew:
            first_counts = counts = first_counts or counts
            counts = {pair: count for pair, count in counts.items() if pair not in merges}
        order = list(counts)[::-1] if backwards else list(counts)
        if spelled:
            # Python's `min` takes the first of equals, as `max` does.
            best = min(
                order,
                key=lambda pair: (-counts[pair], *spelled(names.get(pair[0], b""), names.get(pair[1], b""))),
                default=None,
            )
        else:
            best = max(order, key=lambda pair: key(pair, counts[pair]), default=None)
        if best is None or counts[best] < at_least:
            break
        number = first_new + len(merges)
        names[number] = names.get(best[0], b"") + names.get(best[1], b"")
        merges.append(best)
        if renew:
            words = [(_merge(word, best, number), frequency) for word, frequency in words]
    return merges


PARALLEL = "Où est le chat ? 猫はどこ? Где кот? 🐈‍⬛ → naïve ½"


@exercise("05.5", title="Show text while it is still coming in", stars=3, minutes=25)
def show(trial: Trial) -> None:
    whole = "what is complete is shown at once"
    _agrees_on_showing(trial, b"", b"hello", whole)
    held = "the beginning of a character waits for its end"
    _agrees_on_showing(trial, b"", "né".encode()[:2], held)
    _agrees_on_showing(trial, b"\xc3", b"\xa9!", "what waited comes before the new bytes")
    _agrees_on_showing(trial, b"\xc3", b"\xa9\xe7", held)
    cat = "猫".encode()
    _agrees_on_showing(trial, b"a"[:0], b"a" + cat[:2], held)
    _agrees_on_showing(trial, cat[:1], cat[1:2], held)
    _agrees_on_showing(trial, cat[:2], cat[2:], "what waited comes before the new bytes")
    smile = "🙂".encode()
    for cut in (1, 2, 3):
        _agrees_on_showing(trial, b"", b"ok " + smile[:cut], held)
    _agrees_on_showing(trial, smile[:3], smile[3:] + smile[:3], held)
    _agrees_on_showing(trial, b"", PARALLEL.encode(), whole)
    impossible = "bytes that can no longer become a character are shown as U+FFFD, at once"
    for waiting, token in (
        (b"", b"a\xffb"),
        (b"", b"a\xff"),
        (b"", b"\x80"),
        (b"", b"ok\xa9\xa9"),
        (cat[:2], b"A"),
        (cat[:1], b" \xc3"),
        (b"", b"a\xff\xc3"),
        (b"\xc3", "é".encode()),
        (smile[:3], cat),
    ):
        _agrees_on_showing(trial, waiting, token, impossible)
    _agrees_on_showing(trial, b"", b"", "a token of no bytes changes nothing")
    _agrees_on_showing(trial, b"\xc3", b"", "a token of no bytes changes nothing")

    for most in (1, 2, 5):
        _whole_stream(trial, PARALLEL.encode(), most)
    for _ in range(6):
        # Bytes of which many begin a character and few are allowed to.
        kinds = b"aA\x80\xa9\xbf\xc3\xe7\xe0\xed\xf0\xf4\xff\x8c\xab"
        _whole_stream(trial, bytes(kinds[i] for i in trial.integers(len(kinds), 24).tolist()), 3)


def _agrees_on_showing(trial: Trial, waiting: bytes, token: bytes, law: str) -> None:
    data = waiting + token
    rest = data[len(data) - _unfinished(data) :]
    shown = data[: len(data) - len(rest)].decode(errors="replace")
    returned = trial(waiting=waiting, token=token)
    text, left = _two_parts(returned)
    if text == shown and left == rest:
        return

    def broken(condition: bool, mistake: str, says: str) -> None:
        wanted = f" Wanted is {(shown, rest)!r}."
        returned.requires(not condition, law, mistake, says + wanted)

    fresh = token[: len(token) - _unfinished(token)]
    broken(
        text == data.decode(errors="replace") and not left and len(rest) == 1,
        "shows_halves",
        "Everything was shown, and an unfinished character as U+FFFD. Its end may be in the next token: keep its bytes "
        "back.",
    )
    broken(
        text == waiting.decode(errors="replace") + token.decode(errors="replace") and bool(waiting),
        "decodes_apart",
        "What waited and what is new were decoded apart. Put the bytes together first, then decode.",
    )
    broken(
        bool(waiting) and text == fresh.decode(errors="replace") and left == token[len(fresh) :],
        "forgets_what_waited",
        "The bytes that waited are gone. They come before those of the token.",
    )
    broken(
        bool(waiting) and text == shown and left == waiting + rest,
        "never_done_waiting",
        "What waited was shown, and is still waiting: it would be shown twice.",
    )
    broken(
        "\ufffd" in shown and text == shown.replace("\ufffd", "") and left == rest,
        "drops_what_is_broken",
        "Bytes that are no character were left out (`errors='ignore'`). A U+FFFD tells the reader that "
        "there was something.",
    )
    broken(
        text == data.decode("latin-1") and data != shown.encode(),
        "not_utf_8",
        "Every byte became a character of its own. The bytes are UTF-8, in which a character has up to four.",
    )
    broken(
        text + left.decode("latin-1") == "" and bool(data),
        "loses_bytes",
        "All bytes are gone: neither shown nor waiting.",
    )
    broken(
        text == shown and not left and bool(rest),
        "loses_bytes",
        "The unfinished bytes are gone: not shown, which is right, and not kept for the next call either.",
    )
    turned = token + waiting
    kept = _unfinished(turned)
    broken(
        bool(waiting)
        and left == turned[len(turned) - kept :]
        and text == turned[: len(turned) - kept].decode(errors="replace"),
        "new_bytes_first",
        "The new bytes were put before those that waited. They come after them.",
    )
    broken(
        left == data and not text and "\ufffd" in shown,
        "waits_for_ever",
        "These bytes will never be a character, whatever comes, and all of the text behind them waits as well.",
    )
    broken(
        left == data and not text and bool(shown),
        "holds_everything",
        "Everything waits because of the last, unfinished character. What stands before it is complete: show it.",
    )
    divided = data.endswith(left) and text == data[: len(data) - len(left)].decode(errors="replace")
    broken(
        divided and len(left) > len(rest) and "\ufffd" in shown,
        "waits_for_ever",
        "Something waits that can never become a character. A byte from 0x80 to 0xBF continues one and begins none, "
        "0xFF occurs in none, and a beginning must be followed by its continuation.",
    )
    broken(
        divided and len(left) > len(rest),
        "holds_too_much",
        "Something waits that is complete.",
    )
    broken(
        divided and len(left) < len(rest),
        "holds_too_little",
        "The unfinished character has more bytes than were kept back. One of four bytes can miss one, two or three.",
    )
    broken(
        text == shown,
        "keeps_the_wrong_bytes",
        "The text is right, and what waits is not.",
    )
    broken(
        left == rest,
        "shows_the_wrong_text",
        "The right bytes wait, and the text is not what the others stand for.",
    )
    broken(True, "wrong_parts", "Neither the text nor what waits is right.")


def _two_parts(returned: Returned) -> tuple[str, bytes]:
    law = "what comes back is a pair of a string, to be shown, and bytes, to be kept"
    value = returned.value
    both = isinstance(value, tuple | list) and len(value) == 2
    returned.requires(both, law, "not_a_pair", "Yours is no pair.")
    text, left = value
    returned.requires(
        not (isinstance(text, bytes | bytearray) and isinstance(left, str)),
        law,
        "swapped",
        "Yours are the other way round.",
    )
    returned.requires(
        isinstance(text, str), law, "wrong_type", "The first part is no string: decode the bytes that are complete."
    )
    returned.requires(
        isinstance(left, bytes | bytearray),
        law,
        "wrong_type",
        "The second part is not bytes. Where nothing waits, it is `b''`.",
    )
    return text, bytes(left)


def _unfinished(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character, of which more is to come."""
    for n in (3, 2, 1):
        try:
            data[-n:].decode()
        except UnicodeDecodeError as error:
            if len(data) >= n and error.start == 0 and error.reason == "unexpected end of data":
                return n
    return 0


def _whole_stream(trial: Trial, data: bytes, most: int) -> None:
    """Cut `data` into tokens of 1 to `most` bytes; shown piece by piece, it must come out as if decoded at once."""
    waiting, shown, rest = b"", "", data
    while rest:
        n = 1 + int(trial.integers(most))
        token, rest = rest[:n], rest[n:]
        returned = trial(waiting=waiting, token=token)
        text, left = _two_parts(returned)
        law = "piece by piece the same text comes out as from all bytes at once"
        returned.requires(
            len(left) < 4, law, "waits_for_ever", "No character has more than four bytes, so at most three can wait."
        )
        shown, waiting = shown + text, left
        done = data[: len(data) - len(rest)]
        returned.requires(
            shown + waiting.decode(errors="replace") == done.decode(errors="replace"),
            law,
            "stream_differs",
            f"After {done!r}, yours has shown {shown!r} and keeps {waiting!r}. All at once, the bytes decode to "
            f"{done.decode(errors='replace')!r}.",
        )


SPECIAL = {"<|end|>": 900, "<|user|>": 901, "<|answer|>": 902, "[PAD].*": 903}


@exercise("05.6", title="Control tokens, and who may write them", stars=2, minutes=20)
def encode_with_control(trial: Trial) -> None:
    learned = _train({"<|end|>": 3, "the": 9, "ab": 6, " cat": 5, "|>b": 4, ">t": 4, "e<": 4}, 40)

    def ordinary(text: str) -> list[int]:
        return _encode(text.encode(), learned)

    chat = "<|user|>the cat<|end|><|answer|>ab"
    everything = set(SPECIAL)
    cases: list[tuple[str, set[str], str]] = [
        ("the cat", set(), "a text without control tokens is ordinary text"),
        ("", {"<|end|>"}, "nothing has no tokens"),
        ("the cat<|end|>ab", {"<|end|>"}, "an allowed control token becomes its one id"),
        (chat, everything, "an allowed control token becomes its one id"),
        (
            "ab<|end|>the<|end|><|end|> cat<|end|>",
            everything,
            "an allowed control token becomes its id wherever it stands",
        ),
        ("<|end|>", {"<|end|>"}, "an allowed control token becomes its one id"),
        ("the cat<|end|>b", set(), "what is not allowed is text like any other, from end to end"),
        ("<|end|>", set(), "what is not allowed is text like any other, from end to end"),
        ("<|end|>", {"<|user|>"}, "what is not allowed is text like any other, from end to end"),
        ("<|user|>the<|end|>b<|end|>", {"<|user|>"}, "only what is allowed becomes a control token"),
        ("end |user| <> ab|>b", everything, "a control token is the whole of its name, and nothing less"),
        ("the[PAD].*ab[PAD]!", everything, "a name is a string, whatever its characters mean elsewhere"),
        ("🙂<|end|>猫", everything, "any text can be encoded"),
        (" the<|end|> cat \n<|end|>\n", everything, "blanks and line ends are text as well"),
    ]
    for text, allowed, law in cases:
        _agrees_on_control(trial, text, ordinary, allowed, law)
    parts = ["<|end|>", "<|user|>", "<|answer|>", "[PAD].*", "the", " cat", "ab", "b", "<|", "|>", "é"]
    for size in (1, 2, 3, 4):
        for _ in range(4):
            text = "".join(parts[i] for i in trial.integers(len(parts), 10).tolist())
            allowed = {list(SPECIAL)[i] for i in trial.integers(4, size).tolist()}
            _agrees_on_control(trial, text, ordinary, allowed, "only what is allowed becomes a control token")


def _agrees_on_control(
    trial: Trial, text: str, ordinary: Callable[[str], list[int]], allowed: set[str], law: str
) -> None:
    right = _with_control(text, ordinary, allowed)
    control = [token for token in right if token >= 900]
    forbidden = {number for name, number in SPECIAL.items() if name not in allowed}
    returned = trial(text=text, ordinary=ordinary, special=SPECIAL, allowed=allowed)
    all_cut = [ordinary(part) for part in _split(text, set(SPECIAL))]
    returned.equals(
        right,
        law,
        Mistake(
            "not_token_ids",
            lambda got: any(isinstance(token, str | bytes | list | tuple) for token in got),
            "Wanted is one flat list of token ids. Is there a string in it, or a list? `extend` adds the elements of "
            "a list, `append` the list itself.",
        ),
        Mistake(
            "injection",
            lambda got: forbidden & {int(token) for token in got},
            "Somebody wrote the name of a control token, and got the control token, though it was not allowed. Look "
            "names up in `allowed`, not in `special`.",
        ),
        Mistake(
            "name_as_pattern",
            lambda got: "[PAD].*" in text and allowed == set(SPECIAL) and SPECIAL["[PAD].*"] not in map(int, got),
            "The name `[PAD].*` was not found. Is it part of a regular expression? There, `[`, `.`, `*` and `|` have a "
            "meaning: `re.escape(name)` takes it from them.",
        ),
        Mistake(
            "never_control",
            ordinary(text) if ordinary(text) != right else None,
            "An allowed control token was encoded as ordinary text.",
        ),
        Mistake(
            "strips_names",
            _with_control(_without(text, set(SPECIAL) - allowed), ordinary, allowed),
            "Names that are not allowed were taken out of the text. They are text: someone may be asking about them.",
        ),
        Mistake(
            "drops_control",
            [token for part in _split(text, allowed) if part not in allowed for token in ordinary(part)],
            "The text around the control tokens is there, and they themselves are not.",
        ),
        Mistake(
            "cut_into_characters",
            lambda got: (
                len(text) > 0
                and [int(t) for t in got if t < 900]
                == [t for part in _split(text, allowed) if part not in allowed for c in part for t in ordinary(c)]
            ),
            "The text went through `ordinary` character by character, so nothing could be joined. (With nothing "
            "allowed, a pattern made of an empty list of names matches everywhere.) Give it whole stretches.",
        ),
        Mistake(
            "cut_at_forbidden",
            [
                token
                for part, ids in zip(_split(text, set(SPECIAL)), all_cut, strict=True)
                for token in ([SPECIAL[part]] if part in allowed else ids)
            ],
            "The text was cut at a name that is not allowed, and encoded in parts. Ordinary text goes through "
            "`ordinary` in one stretch, up to the next *allowed* name.",
        ),
        Mistake(
            "first_place_only",
            lambda got: 0 < sum(int(token) >= 900 for token in got) < len(control),
            "Some of the allowed control tokens were found, and others were not. Each may stand there often. And look "
            "for the names in the text: once it is encoded, a token may reach across the edge of a name.",
        ),
        Mistake(
            "end_missing",
            lambda got: len(got) < len(right) and list(map(int, got)) == right[: len(got)],
            "The end is missing. What comes after the last control token is encoded as well, and so is a text in which "
            "there is none.",
        ),
        Mistake(
            "wrong_order",
            lambda got: sorted(map(int, got)) == sorted(right),
            "The right tokens, in the wrong order: they come as they stand in the text.",
        ),
        Mistake(
            "name_as_pattern",
            lambda got: [int(t) for t in got if t >= 900] != control,
            "Control tokens were seen where none stands, or not where one stands. If you use regular expressions: `|`, "
            "`.`, `*` and brackets have a meaning there, and `re.escape(name)` takes it from them.",
        ),
        Mistake(
            "ordinary_text_changed",
            lambda got: [int(t) for t in got if t >= 900] == control,
            "The control tokens are right, and the ordinary text between them was changed or cut: spaces taken off, "
            "parts left out, or a stretch encoded in two parts.",
        ),
    )


def _split(text: str, names: Iterable[str]) -> list[str]:
    """`text` in parts: the names that stand in it, and the stretches between them, of which none is empty."""
    parts, stretch = [], ""
    while text:
        name = next((name for name in names if text.startswith(name)), "")
        if name:
            parts += [stretch, name] if stretch else [name]
            stretch = ""
        stretch += "" if name else text[0]
        text = text[len(name) or 1 :]
    return [*parts, stretch] if stretch else parts


def _without(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = text.replace(name, "")
    return text


def _with_control(text: str, ordinary: Callable[[str], list[int]], allowed: set[str]) -> list[int]:
    return [
        token for part in _split(text, allowed) for token in ([SPECIAL[part]] if part in allowed else ordinary(part))
    ]


@exercise("05.7", title="By hand", stars=2, minutes=15)
def by_hand(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=0.003, reveal=False)

    expect(
        "tokens_of_trains",
        4,
        "of all pairs that can be joined, the one learned first is joined first",
        Mistake(
            "longest_match",
            3,
            "Did you look for the longest tokens in the word? Do the four merges in their order instead: what is left "
            "for the later ones?",
        ),
        Mistake("nothing_joined", 6, "That is the number of letters. At least one merge applies."),
        Mistake("one_merge", 5, "Go on: after the first merge there is another one that still finds its pair."),
        Mistake("more_than_there_is", lambda got: got in (1, 2), "So few would need a merge that is not in the list."),
    )
    expect(
        "third_count",
        7,
        "the counts are those after the first two merges",
        Mistake(
            "counts_never_renewed",
            8,
            "So often a pair stood there *before* the first merge. One of its two tokens has become part of another in "
            "some of the pieces.",
        ),
        Mistake("second_count", 9, "The first two merges join a pair that stands so often. Go one further."),
        Mistake("ignores_frequency", 2, "Each piece counts as often as it occurs."),
        Mistake(
            "not_the_most_frequent",
            6,
            "A pair with that count there is. Another one is more frequent: look at all four words.",
        ),
        Mistake("not_the_most_frequent", 5, "A pair with that count there is. Another one is more frequent."),
    )
    expect(
        "pieces",
        6,
        "the pattern takes every character of the text into exactly one piece",
        Mistake(
            "one_blank_lost",
            5,
            "Put your pieces together: do both blanks come back? A piece begins with one blank at most.",
        ),
        Mistake("split_at_blanks", 4, "That is the number of words between blanks. The full stop is another matter."),
        Mistake(
            "blanks_alone",
            9,
            "Did every blank become a piece by itself? Most belong to what comes after them: ` ?` in front of a class.",
        ),
        Mistake("blanks_alone", 8, "Did blanks become pieces by themselves? ` ?` takes one along with what follows."),
        Mistake("characters", 15, "That is the number of characters."),
        Mistake(
            "one_off",
            lambda got: got in (7, 10),
            "Too many. Go through the text from the left: at each place, the first alternative that fits takes as "
            "much as it can.",
        ),
    )
    expect(
        "foreign_tokens",
        10,
        "what no merge covers is encoded byte by byte",
        Mistake("characters_not_bytes", 5, "That is the number of characters. The tokens begin with bytes."),
        Mistake(
            "blanks_forgotten", 8, "Do the blanks count as well? And do all characters take the bytes that you think?"
        ),
        Mistake(
            "wrong_widths",
            lambda got: got in (6, 7, 9, 12, 13),
            "Not every character takes as many bytes as you think: Python's `len('é'.encode())` tells, one by one.",
        ),
        Mistake(
            "always_three_bytes", 11, "One of the three has fewer bytes: they are not all from one range of codes."
        ),
        Mistake(
            "always_four_bytes",
            lambda got: got in (14, 20),
            "UTF-8 takes one to four bytes for a character, and not always four.",
        ),
    )
    bits = {256: 1.68, 1024: 3.41 / 2.2, 4096: 4.44 / 3, 16384: 5.46 / 3.5}
    best = bits[4096] / math.log(2)
    expect(
        "best_bits_per_byte",
        best,
        "a loss can be compared only per byte, and in bits",
        Mistake("best_in_nats", bits[4096], "That is right in nats, and the question asks for bits."),
        Mistake(
            "loss_per_token",
            lambda got: min(abs(got - wrong) for wrong in (1.68, 1.68 / math.log(2))) < 0.01,
            "That vocabulary has the smallest loss per *token*. Its tokens are shorter than the others', so it needs "
            "more of them for the same text.",
        ),
        Mistake(
            "longest_tokens",
            lambda got: abs(got - bits[16384] / math.log(2)) < 0.006,
            "That vocabulary has the longest tokens. They are dear as well: compare what a byte costs.",
        ),
        Mistake(
            "not_the_best",
            lambda got: abs(got - bits[1024] / math.log(2)) < 0.006,
            "That is what a byte costs with one of them. With another it costs less.",
        ),
        Mistake(
            "bits_per_token",
            lambda got: any(abs(got - nats / math.log(2)) < 0.02 for nats in (3.41, 4.44, 5.46)),
            "Those are bits per token. Divide by the bytes of a token.",
        ),
        Mistake("which_one", lambda got: got in bits, "That is a vocabulary. Wanted are its bits per byte."),
        Mistake(
            "multiplied",
            lambda got: any(abs(got - n * b) < 0.02 for n, b in ((3.41, 2.2), (4.44, 3), (5.46, 3.5))) or got > 10,
            "A token's cost is shared by its bytes: divide.",
        ),
        Mistake("times_ln_2", bits[4096] * math.log(2), "A nat is *more* than a bit: 1 nat is 1 / ln 2 = 1.44 bits."),
        Mistake("too_rough", lambda got: abs(got - best) < 0.05, "Nearly. Give two decimals."),
    )
    expect(
        "window_bytes",
        1792,
        "a window of a given number of tokens holds as many bytes as its tokens have",
        Mistake(
            "window_of_the_best", 1536, "That is the vocabulary with the best bits per byte. Another has longer tokens."
        ),
        Mistake("window_in_tokens", 512, "That is the window in tokens. How many bytes are they?"),
        Mistake(
            "divided",
            lambda got: abs(got - 512 / 3.5) < 1,
            "A token is several bytes, so the bytes are more: multiply.",
        ),
        Mistake("window_of_another", lambda got: abs(got - 1126.4) < 1, "One of them has longer tokens."),
    )
