"""Rules that infer a column's type, role and transform."""
