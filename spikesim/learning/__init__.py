"""Learning rules, one a file: the equation, its source, the kernel."""

from spikesim.learning.counts import CountRule

__all__ = ["CountRule"]
