"""The import of Brian2 networks, part by part: expressions, equations, synapses, sources."""
