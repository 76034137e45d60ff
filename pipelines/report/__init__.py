"""report.html: what people look at, of a dataset or a profile."""
