"""Work on many items, several at once, a few of them ahead of the results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice


def in_parallel[Item, Result](
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in the order of the items.

    The first error of ``work`` is raised in its place. Where it is, or the caller stops, no further item is begun, and those
    under way are waited for: nothing goes on behind the caller's back.
    """
    ahead: deque[tuple[Item, Future[Result]]] = deque()
    rest = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="work")
    try:
        ahead.extend((item, pool.submit(work, item)) for item in islice(rest, 4 * threads))
        while ahead:
            item, future = ahead[0]
            result = future.result()
            ahead.popleft()
            ahead.extend((following, pool.submit(work, following)) for following in islice(rest, 1))
            yield item, result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
