"""Searches compared in one world: the same rollouts are given to each of them, at the same price."""
