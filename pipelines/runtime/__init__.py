"""Services shared by all stages: files, threads, folds, progress, publishing."""
