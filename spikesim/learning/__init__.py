"""Learning rules, one a file: the equation, its source, the kernel.

Two kinds: a `CountRule` acts at the end of a presentation, on spike counts; an online rule acts in every step
(see `spikesim.learning.online` for what a rule of one's own offers).
"""

from typing import Any

from spikesim.learning.counts import CountRule
from spikesim.learning.online import RULES, OnlineRule, register_rule
from spikesim.learning.reward_stdp import RewardSTDP
from spikesim.learning.square_stdp import SquareSTDP
from spikesim.learning.stdp import STDP

Rule = CountRule | Any  # a CountRule, or what satisfies OnlineRule

__all__ = ["RULES", "STDP", "CountRule", "OnlineRule", "RewardSTDP", "Rule", "SquareSTDP", "register_rule"]
