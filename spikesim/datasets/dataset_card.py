"""Dataset cards: size, source, licence and citation of a dataset, available without its files."""

from __future__ import annotations

from dataclasses import dataclass

from spikesim.datasets.fetching import Collection


@dataclass(frozen=True)
class About:
    """The card of a dataset.

    samples: number of (training, test) samples as loaded by default. shape: shape of one sample.
    classes: number of classes. collection: its files and where to download them.
    """

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
        """Source, licence and citation in three lines."""
        return f"{self.title}. {self.url}\n{self.license}\n{self.citation}"
