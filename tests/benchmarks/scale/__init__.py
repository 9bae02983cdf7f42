"""A million solutions with the simulated policy; what one of them costs, and what a plan is worth."""
