"""`report.html`: the report of a dataset or a profile, for people."""
