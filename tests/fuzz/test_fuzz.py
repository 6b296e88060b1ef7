"""A few seconds of each fuzz target in every run of the tests; `make fuzz MINUTES=10` looks longer, guided by coverage."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest
from fuzz.seeds import DICTIONARY, seeds
from fuzz.targets import TARGETS
from results import record

SECONDS = 5.0
MOST_SECONDS = 2.0
"""Of one input, on a busy machine."""
FEWEST = {"event": 2000, "item": 300, "zones": 100, "raster": 30}
FIGURES: dict[str, object] = {}
WORDS = [w.encode().decode("unicode_escape").encode("latin-1") for w in DICTIONARY]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[bytes]]:
    return seeds(tmp_path_factory.mktemp("seeds"))


def _mutated(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """A few random changes: bytes, words, cuts, repeats and splices."""
    spoiled = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(spoiled) + 1), chance.choice((1, 2, 8, 64))
        match chance.randrange(6):
            case 0:
                spoiled[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                word = chance.choice(WORDS)
                spoiled[at : at + chance.choice((0, len(word)))] = word
            case 2:
                del spoiled[at : at + length]
            case 3:
                spoiled[at:at] = spoiled[at : at + length] * chance.choice((1, 2, 50))
            case 4:
                spoiled[at:] = other[at:]
            case 5:
                spoiled[at : at + length] = chance.randbytes(length)
    return bytes(spoiled)


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> Iterator[None]:
    yield
    record("fuzz", FIGURES)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_give_a_value_or_an_error_of_our_tree(name: str, good: Mapping[str, Sequence[bytes]]) -> None:
    target, chance = TARGETS[name], random.Random(20260105)
    assert all(target(seed) for seed in good[name]), "what is good is accepted, so the fuzzer begins inside"
    tried, slowest, end = 0, 0.0, time.monotonic() + SECONDS
    while time.monotonic() < end or tried < FEWEST[name]:
        content = _mutated(chance.choice(good[name]), chance.choice(good[name]), chance)
        began = time.process_time()
        try:
            target(content)
        except Exception as e:
            FIGURES[name] = {"executions": tried, "escapes": 1}
            raise AssertionError(f"{name} let {type(e).__name__} out, try {tried}, {content[:200]!r}") from e
        tried, slowest = tried + 1, max(slowest, time.process_time() - began)
    FIGURES[name] = {
        "executions": tried,
        "seconds": round(time.monotonic() - end + SECONDS, 1),
        "escapes": 0,
        "slowest_s": round(slowest, 2),
    }
    assert slowest < MOST_SECONDS


def test_the_fuzzer_would_notice_an_escape(good: Mapping[str, Sequence[bytes]]) -> None:
    """Its changes are neither all refused nor all harmless."""
    chance = random.Random(1)
    answers = [TARGETS["event"](_mutated(chance.choice(good["event"]), good["event"][0], chance)) for _ in range(3000)]
    assert 0 < sum(answers) < 2900


def test_a_corpus_is_small_enough_to_be_made_in_a_moment(good: Mapping[str, Sequence[bytes]]) -> None:
    assert set(good) == set(TARGETS) and all(0 < len(seed) < 200_000 for inputs in good.values() for seed in inputs)
