"""Deciding which mentions are the same entity, and the registry of stable ids."""
