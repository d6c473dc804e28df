"""mSTDP: continuous Hopfield networks trained with momentum STDP."""
