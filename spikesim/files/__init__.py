"""Files: atomic writes, checksummed HDF5 checkpoints, measured tables, provenance, untrusted input."""
