"""Time: of training steps, inference, the input pipeline and start-up. On a machine that does nothing else."""
