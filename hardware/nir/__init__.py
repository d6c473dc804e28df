"""NIR: reader and writer.

Reading: guarded HDF5 -> nodes -> shapes -> paths -> projections and neurons -> a network. Writing: checks ->
graph builder (nodes and edges) -> a file with a digest.
"""

from spikesim.hardware.nir.conventions import CONVENTIONS, Convention
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import Imported, read, read_nir
from spikesim.hardware.nir.write import write

__all__ = ["CONVENTIONS", "Convention", "Imported", "NirError", "read", "read_nir", "write"]
