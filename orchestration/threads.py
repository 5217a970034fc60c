"""One thread for the maths, on machines that others use as well.

Belongs here: what holds the numeric libraries to one thread. Does not: DuckDB, whose threads are a setting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def one_thread(*libraries: str) -> Iterator[None]:
    """Hold BLAS and OpenMP to one thread each while the block runs.

    Their threads wait for each other by spinning: where another process has one of the cores, boosted trees that take
    21 processor seconds on one thread took 197 on two. `libraries` are the modules that bring such threads with them;
    one that is loaded within the block would not be held.
    """
    from threadpoolctl import threadpool_limits

    for library in ("scipy.linalg", *libraries):
        import_module(library)
    with threadpool_limits(1):
        yield
