"""NIR both ways. Reading: guarded HDF5 -> nodes -> shapes -> routes -> projections and neurons -> a network.

Writing: checks -> units (nodes and edges, with what NIR leaves open) -> a file with a digest of its own.
"""

from spikesim.hardware.nir.neurons import CONVENTIONS, Convention
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import Imported, read, read_nir
from spikesim.hardware.nir.write import write

__all__ = ["CONVENTIONS", "Convention", "Imported", "NirError", "read", "read_nir", "write"]
