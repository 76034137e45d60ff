"""Operations and expressions that a YAML recipe names."""
