"""Training by bounds: the clean pass, the network that it fixed, and the losses built on both."""
