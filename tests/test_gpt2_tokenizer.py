"""GPT-2's tokenizer: what tiktoken makes of the same file, token by token and text by text."""

import random

import pytest
import tiktoken

from course_lib.downloads import DownloadError
from course_lib.text.corpora import TINY_SHAKESPEARE
from course_lib.text.gpt2 import MERGES, GPT2Tokenizer, gpt2_tokenizer


@pytest.fixture(scope="module")
def tokenizer(data_file) -> GPT2Tokenizer:
    return GPT2Tokenizer(data_file(MERGES.name))


@pytest.fixture(scope="module")
def reference(data_file) -> tiktoken.Encoding:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(data_file(MERGES.name).parent))
        return tiktoken.get_encoding("gpt2")


def test_every_token_has_its_published_number(tokenizer, reference):
    assert tokenizer.tokens == [reference.decode_single_token_bytes(id) for id in range(reference.n_vocab)]
    assert tokenizer.end_id == reference.eot_token == 50256
    assert tokenizer.tokens[tokenizer.end_id] == b"<|endoftext|>"


def test_tiny_shakespeare_is_338025_tokens(tokenizer, data_file):
    text = data_file(TINY_SHAKESPEARE.name).read_text(encoding="utf-8")
    ids = tokenizer.encode(text)
    assert len(ids) == 338_025
    assert tokenizer.decode(ids) == text


def test_it_cuts_any_text_as_tiktoken_does(tokenizer, reference):
    parts = [*" \n\t\r\x00\u3000ab09.'é猫🙂", "  ", "'s", "'LL", " the", "<|endoftext|>", "unhappiness"]
    rng = random.Random(0)
    texts = {"".join(rng.choices(parts, k=rng.randint(0, 12))) for _ in range(10_000)}
    assert [text for text in texts if tokenizer.encode(text) != reference.encode_ordinary(text)] == []


def test_no_text_can_end_the_document(tokenizer):
    assert tokenizer.end_id not in tokenizer.encode("<|endoftext|>")


def test_without_file_and_network_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    gpt2_tokenizer.cache_clear()
    with pytest.raises(DownloadError, match="COURSE_DATA_DIR"):
        gpt2_tokenizer()
