"""Classifiers with the interface of scikit-learn: EMSTDP, Gupta's local rule, and Hopfield networks.

    from sklearn.model_selection import cross_val_score
    from spikesim.estimators import EMSTDPClassifier

    classifier = EMSTDPClassifier(hidden_layer_sizes=(100,), feedback="dfa", random_state=1)
    cross_val_score(classifier, X, y, cv=5, n_jobs=2)
    classifier.fit(X, y).network_                       # a Network: to be verified, quantised, exported

They work in pipelines, cross-validation and searches, are cloned and pickled, and take whatever scikit-learn
takes: arrays, data frames, and objects of which NumPy makes arrays, such as tensors of PyTorch. They pass
scikit-learn's own `check_estimator`. The same `random_state` gives the same weights and answers, bit for bit.
"""

from spikesim.estimators.emstdp import EMSTDPClassifier
from spikesim.estimators.hopfield import HopfieldClassifier
from spikesim.estimators.local_rule import LocalRuleClassifier

__all__ = ["EMSTDPClassifier", "HopfieldClassifier", "LocalRuleClassifier"]
