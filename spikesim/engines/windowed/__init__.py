"""The windowed engine: trials of layered networks, at the speed of matrix products."""
