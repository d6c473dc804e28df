"""EMSTDP: error-modulated STDP (Shrestha, Fang, Wu, Qiu, "Approximating back-propagation for a biologically
plausible local learning rule in spiking neural networks", ICONS 2019).

    from spikesim.models import emstdp

    config = emstdp.Emstdp(sizes=(784, 500, 10), feedback="dfa", gate=True)
    run = emstdp.fit(config, data, epochs=5)            # builds the network, and trains it

In parts, for a network that is changed before its training:

    network = emstdp.build(config, seed=1)              # fig. 4 as a Network
    spikesim.train(network, data, emstdp.encoder(config), emstdp.training(config, epochs=5))

`presets` holds the rows of table 2, literal and amended, as `experiment.Experiment` objects.
"""

from spikesim.models.emstdp.config import Emstdp, encoder, training
from spikesim.models.emstdp.fit import fit
from spikesim.models.emstdp.wiring import build

__all__ = ["Emstdp", "build", "encoder", "fit", "training"]
