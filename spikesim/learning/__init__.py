"""Learning rules, one per file: equation, source and kernel.

There are two protocols: a `TrialRule` acts at the end of a trial, on spike counts (such as EMSTDP's
`CountRule`); an `OnlineRule` acts in every step. `spikesim.learning.trial` and `spikesim.learning.online`
define the members of a custom rule.
"""

from typing import Any

from spikesim.learning.brian2_stdp import Brian2STDP
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
    "Brian2STDP",
    "CountRule",
    "OnlineRule",
    "RewardSTDP",
    "Rule",
    "SquareSTDP",
    "TrialRule",
    "is_trial_rule",
    "register_rule",
]
