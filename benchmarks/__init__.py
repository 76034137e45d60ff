"""recordmill against its peers, in one run and on the same rows; see README.md."""
