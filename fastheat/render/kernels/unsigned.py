"""uint64 constants: numba turns a mix of uint64 with int64 into float64."""

import numpy as np

LOW = np.uint64(0xFFFFFFFF)
U0, U1, U2, U3, U5, U7, U9, U10 = (np.uint64(k) for k in (0, 1, 2, 3, 5, 7, 9, 10))
U32, U52, U63 = (np.uint64(k) for k in (32, 52, 63))
