"""Quality measurements behind ``voxcart eval``: normalisers, scores and the runs that produce them."""
