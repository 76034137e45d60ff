"""The peers: each file is a program that prepares the same features with another library."""
