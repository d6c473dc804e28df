"""aSTDP: two continuous Hopfield networks and their rule."""
