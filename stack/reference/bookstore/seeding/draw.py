"""Random choices from one seed number that are the same on every Python version.

Only `Random.random()` is used: Python guarantees only its sequence.
"""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from seeding import words

T = TypeVar("T")
_ARTICLE = re.compile(r"\b([Aa]) (?=[AEIOaeio])")


class Draw:
    """A stream of choices; each `purpose` (table) has an independent stream."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = Random(f"{seed}/{purpose}").random

    def below(self, limit: int) -> int:
        """A whole number from zero to `limit - 1`."""
        return int(self._random() * limit)

    def choose(self, options: Sequence[T]) -> T:
        """Choose one of `options`."""
        return options[int(self._random() * len(options))]

    def skewed(self, limit: int) -> int:
        """Like `below`, but small numbers are more frequent, as some books are more popular."""
        return int(self._random() * self._random() * limit)

    def fill(self, template: str) -> str:
        """Fill the placeholders of a title or name."""
        return self._fill(template, str)

    def prose(self, template: str) -> str:
        """Fill the placeholders of a text, with common nouns in lower case."""
        return self._fill(template, str.lower)

    def _fill(self, template: str, case: Callable[[str], str]) -> str:
        """Draw for the placeholders of the template, in the order of this table."""
        gaps = {
            "adjective": (words.ADJECTIVES, case),
            "noun": (words.NOUNS, case),
            "second": (words.NOUNS, case),
            "place": (words.PLACES, str),
            "first": (words.FIRST_NAMES, str),
            "last": (words.LAST_NAMES, str),
        }
        drawn = {
            gap: spell(self.choose(options))
            for gap, (options, spell) in gaps.items()
            if "{" + gap + "}" in template
        }
        return _ARTICLE.sub(r"\1n ", template.format_map(drawn))
