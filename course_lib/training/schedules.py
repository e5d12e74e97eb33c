"""How large a step is, over the course of a run."""


def learning_rate_factor(step: int, steps: int, warmup: float, decay: float) -> float:
    """The share of the peak learning rate that update number `step` (from 0) of `steps` uses.

    It rises in a line over the first `warmup` share of the run, stays at 1, and falls in a line towards 0 over the last
    `decay` share. No update has factor 0.

    Source: Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations" (constant
    rate with a linear cool-down).
    """
    rising = (step + 1) / max(1, warmup * steps)
    falling = (steps - step) / max(1, decay * steps)
    return min(1.0, rising, falling)
