"""An exported model held against the records, and what no served request is given."""
