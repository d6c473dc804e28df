"""aSTDP: two continuous Hopfield networks, and learning from their difference."""
