"""Learning rules, one a file: the equation, its source, the kernel.

Two protocols: a `TrialRule` acts at the end of a trial, on spike counts (`CountRule`, EMSTDP's, is the
first); an `OnlineRule` acts in every step. `spikesim.learning.trial` and `spikesim.learning.online` describe
what a rule of one's own offers.
"""

from typing import Any

from spikesim.learning.counts import CountRule
from spikesim.learning.online import RULES, OnlineRule, register_rule
from spikesim.learning.reward_stdp import RewardSTDP
from spikesim.learning.square_stdp import SquareSTDP
from spikesim.learning.stdp import STDP
from spikesim.learning.trial import TrialRule, is_trial_rule

Rule = Any  # a TrialRule or an OnlineRule: checked when a network is built

__all__ = [
    "RULES",
    "STDP",
    "CountRule",
    "OnlineRule",
    "RewardSTDP",
    "Rule",
    "SquareSTDP",
    "TrialRule",
    "is_trial_rule",
    "register_rule",
]
