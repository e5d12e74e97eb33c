"""The first neural language model: look at the last few tokens, through a vector for each.

Shapes: B batch, T tokens, W tokens of a window, D width of a vector, V vocabulary.
"""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


def preceding(ids: Int[Tensor, "B T"], n_tokens: int, nothing: int, end_id: int | None = None) -> Int[Tensor, "B T W"]:
    """At each place, the last `n_tokens` tokens up to and including this one, the oldest first.

    Args:
        ids: token ids.
        n_tokens: size of a window (W).
        nothing: the id that stands where there is no token: before the row, and before the document.
        end_id: the token that ends a document; what stands before the newest of them is out of sight.
    """
    if not n_tokens:
        return ids[..., None][..., :0]
    windows = F.pad(ids, (n_tokens - 1, 0), value=nothing).unfold(1, n_tokens, 1)
    if end_id is None:
        return windows
    ends = (windows == end_id).long()
    ends_after = ends.flip(-1).cumsum(-1).flip(-1) - ends
    return windows.masked_fill(ends_after > 0, nothing)


class WindowModel(nn.Module):
    """Forecasts from a window: the vectors of its tokens side by side, one hidden layer, a score for each next token.

    Every token of a window has the same table of vectors, so what is learned about a word at one place serves at all;
    the hidden layer tells the places apart. The head starts at zero, so the loss starts at ln V. The vectors start
    small, so that what is learned soon outweighs the chance that they began with.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", equation 1, without the direct connections.
    """

    def __init__(
        self, vocab_size: int, context_length: int, d_embedding: int, d_hidden: int, end_id: int | None = None
    ) -> None:
        """Make a model with random weights.

        Args:
            vocab_size: number of different tokens (V).
            context_length: tokens of a window (W).
            d_embedding: width of a token's vector (D).
            d_hidden: width of the hidden layer.
            end_id: the token that ends a document; a window does not reach into the document before. None: one text.
        """
        super().__init__()
        self.context_length = context_length
        self.end_id = end_id
        # One vector more than there are tokens: for the places before the beginning.
        self.embedding = nn.Embedding(vocab_size + 1, d_embedding)
        self.hidden = nn.Linear(context_length * d_embedding, d_hidden)
        self.head = nn.Linear(d_hidden, vocab_size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Int[Tensor, "B T"], documents: Int[Tensor, "B T"] | None = None) -> Float[Tensor, "B T V"]:
        """Scores (logits) of what comes after each token. What `documents` says, the end tokens say already."""
        nothing = self.embedding.num_embeddings - 1
        windows = self.embedding(preceding(ids, self.context_length, nothing, self.end_id))
        return self.head(self.hidden(windows.flatten(2)).tanh())
