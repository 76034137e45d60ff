"""Schema inference: from undescribed CSV or Parquet files to a commented recipe."""
