"""Learning rules, one a file: the equation, its source, the kernel.

Two kinds: a `CountRule` acts at the end of a presentation, on spike counts; an online rule acts in every step
(see `spikesim.learning.online` for what a rule of one's own offers).
"""

from typing import Any

from spikesim.learning.counts import CountRule
from spikesim.learning.online import RULES, OnlineRule, register_rule

Rule = CountRule | Any  # a CountRule, or what satisfies OnlineRule

__all__ = ["RULES", "CountRule", "OnlineRule", "Rule", "register_rule"]
