"""Lava processes of a learner that runs without the host.

They have a folder of their own: Lava's compiler runs every file that lies beside a process. Each is what a
programmable neuron, or an embedded processor, of the chip would do; times are steps of the chip's clock.
"""
