"""Comparison of stored records with the served graph and with exported models."""
