"""What is known of a dataset before it is loaded: size, source, terms."""

from __future__ import annotations

from dataclasses import dataclass

from spikesim.datasets.fetching import Collection


@dataclass(frozen=True)
class About:
    """A dataset's card. samples: (train, test) as loaded by default. shape: of one sample."""

    name: str
    title: str
    samples: tuple[int, int]
    shape: tuple[int, ...]
    classes: int
    license: str
    url: str
    citation: str
    collection: Collection

    def text(self) -> str:
        """Source, terms and citation in three lines."""
        return f"{self.title}. {self.url}\n{self.license}\n{self.citation}"
