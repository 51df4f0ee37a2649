"""The small layer over the sums of a window: how words, letters and concepts count together, and in
texts of what length. Rectified units, numbers of 1/1024, as `src/classify/layer.rs` computes it."""
import numpy as np
from scipy.optimize import minimize

INPUTS, UNITS = 5, 8
ONE = 1024


class Layer:
    """Integers: bounds of the inputs, weights in 1/4096, the rest in 1/1024."""

    def __init__(self, low, high, to_units, units, from_units, straight, bias):
        q = lambda x, one: np.rint(np.asarray(x) * one).astype(np.int64)
        self.low, self.high = q(low, ONE), q(high, ONE)
        self.to_units, self.units = q(to_units, 4096), q(units, ONE)
        self.from_units, self.straight, self.bias = q(from_units, 4096), q(straight, 4096), int(q(bias, ONE))

    def numbers(self):
        """In the order of the file."""
        return [int(x) for x in (*self.low, *self.high, *self.to_units.T.ravel(), *self.units, *self.from_units, *self.straight, self.bias)]

    @classmethod
    def read(cls, numbers):
        n, self = np.array(numbers, np.int64), cls.__new__(cls)
        parts = np.split(n, np.cumsum([INPUTS, INPUTS, INPUTS * UNITS, UNITS, UNITS, INPUTS]))
        self.low, self.high, units, self.units, self.from_units, self.straight, bias = parts
        self.to_units, self.bias = units.reshape(UNITS, INPUTS).T, int(bias[0])
        return self

    def odds(self, inputs):
        """Log odds in 1/1024 of inputs in 1/1024, a row each."""
        x = np.clip(inputs, self.low, self.high)
        h = np.maximum(self.units + (x @ self.to_units >> 12), 0)
        return self.bias + (x @ self.straight + h @ self.from_units >> 12)


def fit(x, y, w, l2, seed=1):
    """The layer that tells rows of class 1 from those of class 0; it begins as the plain sum."""
    low, high = np.quantile(x, 0.001, axis=0), np.quantile(x, 0.999, axis=0)
    x = np.clip(x, low, high)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    x = (x - mean) / spread
    sign, w = np.where(y == 1, 1.0, -1.0), w / w.sum()
    r = np.random.default_rng(seed)
    n = INPUTS * UNITS
    first = np.concatenate([r.normal(0, 0.3, n), np.zeros(UNITS), r.normal(0, 0.3, UNITS), np.where(np.arange(INPUTS) < 3, 0.1, 0), [0.0]])

    def parts(t):
        return t[:n].reshape(INPUTS, UNITS), t[n:n + UNITS], t[n + UNITS:n + 2 * UNITS], t[n + 2 * UNITS:-1], t[-1]

    def f(t):
        to_units, units, from_units, straight, bias = parts(t)
        h = np.maximum(x @ to_units + units, 0)
        z = (h @ from_units + x @ straight + bias) * sign
        e = np.exp(-np.abs(z))
        loss = np.where(z > 0, np.log1p(e), -z + np.log1p(e))
        g = -sign * w * np.where(z > 0, e / (1 + e), 1 / (1 + e))
        back = np.outer(g, from_units) * (h > 0)
        slope = np.concatenate([(x.T @ back).ravel(), back.sum(axis=0), h.T @ g, x.T @ g, [g.sum()]])
        return (w * loss).sum() + 0.5 * l2 * (t ** 2).sum(), slope + l2 * t

    t = minimize(f, first, jac=True, method="L-BFGS-B", options=dict(maxiter=300)).x
    to_units, units, from_units, straight, bias = parts(t)
    return Layer(low, high, to_units / spread[:, None], units - (mean / spread) @ to_units, from_units, straight / spread, bias - straight @ (mean / spread))
