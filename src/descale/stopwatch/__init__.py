"""Measure networks on the device at hand: each in its own process, taking turns.

Needs what the runtime needs, no torch.
"""
