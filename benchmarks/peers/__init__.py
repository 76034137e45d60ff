"""Peers: programs that prepare the same features with other libraries."""
