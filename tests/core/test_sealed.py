"""What is sealed opens under its key only, and keys can be changed."""

import pytest
from cryptography.fernet import Fernet

from core import sealed

WORDS = "DE89370400440532013000"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_sealed_words_say_nothing_and_open_again():
    first, second = sealed.seal(WORDS), sealed.seal(WORDS)
    assert first != second  # equal words cannot be told from what is stored
    assert WORDS not in first
    assert sealed.unseal(first) == sealed.unseal(second) == WORDS


def test_altered_words_do_not_open(settings):
    settings.SEALING_KEYS = {"k1": OLD}
    kept = sealed.seal(WORDS)
    broken = kept[:-6] + ("A" if kept[-6] != "A" else "B") + kept[-5:]
    for wrong in (broken, "k1:", "k2" + kept[2:], WORDS, ""):
        with pytest.raises(sealed.SealBroken) as refusal:
            sealed.unseal(wrong)
        assert WORDS not in str(refusal.value)


def test_another_key_does_not_open_it(settings):
    settings.SEALING_KEYS = {"k1": OLD}
    kept = sealed.seal(WORDS)
    settings.SEALING_KEYS = {"k1": NEW}
    with pytest.raises(sealed.SealBroken):
        sealed.unseal(kept)
    with pytest.raises(sealed.SealBroken):
        sealed.reseal(kept)


def test_a_new_key_seals_and_the_old_one_opens_until_all_is_resealed(settings):
    settings.SEALING_KEYS = {"k1": OLD}
    kept = sealed.seal(WORDS)
    settings.SEALING_KEYS = {"k2": NEW, "k1": OLD}
    assert sealed.seal(WORDS).startswith("k2:")
    assert sealed.unseal(kept) == WORDS
    assert not sealed.is_current(kept)
    moved = sealed.reseal(kept)
    assert sealed.is_current(moved)
    settings.SEALING_KEYS = {"k2": NEW}
    assert sealed.unseal(moved) == WORDS


def test_the_index_finds_equal_words_under_one_key_only(settings):
    found = sealed.index(WORDS)
    assert found == sealed.index(WORDS) != sealed.index(WORDS[:-1] + "1")
    settings.SEALING_INDEX_KEY = "another key of at least forty characters"
    assert sealed.index(WORDS) != found


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", {}),
        ("k2:b, k1:a", {"k2": "b", "k1": "a"}),
        ("k1:a,k1:b", {"k1": ""}),  # nobody knows which was meant: refused as no key
    ],
)
def test_keys_as_the_environment_gives_them(text, keys):
    assert sealed.read_keys(text) == keys
    assert list(sealed.read_keys(text)) == list(keys)
