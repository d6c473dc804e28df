"""HDF5 files of strangers, read with a guard."""

from spikesim.hardware.hdf5.guard import FileRefused, Limits, Tree, tree, walk

__all__ = ["FileRefused", "Limits", "Tree", "tree", "walk"]
