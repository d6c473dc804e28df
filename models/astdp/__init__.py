"""aSTDP: two continuous Hopfield networks that learn from their difference; presets, tables and figures."""
