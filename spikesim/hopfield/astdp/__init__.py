"""aSTDP: two continuous Hopfield networks that share weights, and their learning rule."""
