"""Hardware targets: limits, quantisation, emulators, exporters. Knows nothing of models and tools."""
