"""The windowed engine: layered networks over a window of steps, at the speed of a matrix product."""
