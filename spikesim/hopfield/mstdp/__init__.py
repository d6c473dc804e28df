"""mSTDP: continuous Hopfield networks with momentum spike-timing dependent plasticity."""
