"""Feed-forward networks of rates, with a local learning rule, backpropagation, Adam and attacks."""
