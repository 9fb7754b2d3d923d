"""The stopwatch's side that needs torch: a model in PyTorch eager, as the reference."""
