"""Seeded damage to files: what a broken disk, an editor, another program or an attacker does."""

import numpy as np

WORDS = (b"", b"nan", b"-1", b"1e999", b'"', b"\xff\xfe", b"\x00", b"0x1f", b"\xc3", b",,", b"\n\n")


def flip(content, rng):
    damaged = bytearray(content)
    for place in rng.integers(0, len(content), rng.integers(1, 9)):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def cut(content, rng):
    return content[: int(rng.integers(0, len(content)))]


def fill(content, rng):
    start, length = (int(number) for number in rng.integers(0, (len(content), 64)))
    value = bytes([int(rng.choice([0, 255, 34, 10, 44, rng.integers(256)]))])
    return content[:start] + value * length + content[start + length :]


def splice(content, rng):
    start, end, to = sorted(int(place) for place in rng.integers(0, len(content), 3))
    return content[:to] + content[start:end] + content[end:]


def drop(content, rng):
    start = int(rng.integers(0, len(content)))
    return content[:start] + content[start + int(rng.integers(1, 40)) :]


def insert(content, rng):
    """Put in a word that hurts."""
    start = int(rng.integers(0, len(content)))
    return content[:start] + WORDS[int(rng.integers(len(WORDS)))] + content[start:]


def recode(content, rng):
    """Write the text as another program saves it."""
    coding = str(rng.choice(["utf-16", "utf-16-le", "utf-32", "cp500"]))
    return content.decode("latin-1").encode(coding, "replace")


MUTATIONS = (flip, cut, fill, splice, drop, insert, recode)


def mutated(content, index, seed):
    """Return the mutation of that number: the same bytes in every run."""
    rng = np.random.default_rng([seed, index])
    content = MUTATIONS[index % len(MUTATIONS)](content, rng)
    return flip(content, rng) if content and rng.random() < 0.2 else content
