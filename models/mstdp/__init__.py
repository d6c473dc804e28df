"""mSTDP: a continuous Hopfield network that learns from momentum."""
