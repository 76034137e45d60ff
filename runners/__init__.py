"""Where it runs: the command line, Beam options, the direct runner, Dataflow, progress."""
