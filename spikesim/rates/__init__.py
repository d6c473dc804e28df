"""Feed-forward networks of rates: what local rules for ANNs learn on."""
