"""Training by bounds: the clean pass, the network as it fixed it, and the losses built on both."""
