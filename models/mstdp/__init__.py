"""mSTDP: a continuous Hopfield network with momentum STDP; configurations, tables and figures."""
