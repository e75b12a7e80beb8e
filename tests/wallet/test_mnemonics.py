"""Recovery phrases: the published vectors, and what a mistyped phrase is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.wallet import mnemonics
from chaindeck.wallet.errors import PhraseChecksum, PhraseLength, PhraseWord
from chaindeck.wallet.hd import master_node
from tests.wallet.samples import vectors

VECTORS = vectors("bip39.json")["vectors"]
ABANDON = "abandon " * 11 + "about"

entropies = st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["entropy"][:8])
def test_published_vector_holds(vector):
    entropy = bytes.fromhex(vector["entropy"])
    assert mnemonics.encode_phrase(entropy) == vector["phrase"]
    assert mnemonics.decode_phrase(vector["phrase"]) == entropy
    seed = mnemonics.phrase_seed(vector["phrase"], "TREZOR")
    assert seed.hex() == vector["seed"]
    assert master_node(seed).reveal() == vector["root"]


@given(entropies)
def test_entropy_comes_back(entropy):
    assert mnemonics.decode_phrase(mnemonics.encode_phrase(entropy)) == entropy


@pytest.mark.parametrize("words", [12, 24])
def test_new_phrases_have_their_words_and_differ(words):
    first, second = mnemonics.generate_phrase(words), mnemonics.generate_phrase(words)
    assert len(first.split()) == words
    assert first != second
    mnemonics.decode_phrase(first)


def test_spaces_and_capitals_do_not_matter():
    spelled = "  " + ABANDON.upper().replace(" ", "\n\t ") + " "
    assert mnemonics.decode_phrase(spelled) == bytes(16)
    assert mnemonics.phrase_seed(spelled) == mnemonics.phrase_seed(ABANDON)


def test_passphrase_is_the_same_from_every_keyboard():
    composed, apart = "\u00e9", "e\u0301"
    assert mnemonics.phrase_seed(ABANDON, composed) == mnemonics.phrase_seed(ABANDON, apart)
    assert mnemonics.phrase_seed(ABANDON, composed) != mnemonics.phrase_seed(ABANDON)


@pytest.mark.parametrize("count", [0, 1, 11, 13, 18, 23, 25])
def test_other_numbers_of_words_are_refused(count):
    with pytest.raises(PhraseLength) as raised:
        mnemonics.decode_phrase("abandon " * count)
    assert raised.value.code == "phrase-length"


@pytest.mark.parametrize("position", [1, 7, 12])
def test_unknown_word_is_named_by_its_position_and_never_repeated(position):
    words = ABANDON.split()
    words[position - 1] = "secretish"
    with pytest.raises(PhraseWord) as raised:
        mnemonics.decode_phrase(" ".join(words))
    assert raised.value.code == "phrase-word"
    assert raised.value.values == {"position": position}
    assert "secretish" not in str(raised.value)


def test_known_words_in_the_wrong_place_fail_the_checksum():
    with pytest.raises(PhraseChecksum) as raised:
        mnemonics.decode_phrase("about " + "abandon " * 11)
    assert raised.value.code == "phrase-checksum"
