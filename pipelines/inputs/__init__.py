"""What there is to read beside plain CSV: days of a window, Parquet, DataFrames, reshaped rows."""
