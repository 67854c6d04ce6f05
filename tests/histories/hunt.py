"""Scratch: python -m ... N histories with a seed; prints the shrunk failure."""

import sys, time, traceback
from tests.histories.machine import play

n, steps, number = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
t = time.time()
try:
    play(n, steps, number=number, shrink=len(sys.argv) < 5)
    print("ok", n, number, time.time() - t)
except BaseException as e:
    es = e.exceptions if isinstance(e, BaseExceptionGroup) else [e]
    for one in es:
        print("SEED", number, time.time() - t, type(one))
        print(str(one)[:6000])
        if not isinstance(one, AssertionError):
            traceback.print_exception(one)
