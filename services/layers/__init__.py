"""Layers that people bring: files of features, read by a child process under limits."""
