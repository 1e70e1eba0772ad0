"""The body of a streamed response, piece by piece."""

from asgiref.sync import sync_to_async

_END = object()


def pieces(response, block_size):
    """
    Return an iterator of the body's pieces, bytes. A file is read in blocks of
    ``block_size`` bytes; what else yields pieces has its own sizes.
    """
    if hasattr(response, "block_size"):
        response.block_size = block_size
    return iter(response)


async def apieces(response, block_size):
    """Iterate them on an event loop, those of a sync iterator in a thread."""
    if getattr(response, "is_async", False):
        try:
            async for data in response:
                yield data
        finally:
            # Else it's for the garbage collector, some time.
            if hasattr(response._iterator, "aclose"):
                await response._iterator.aclose()
        return
    body = pieces(response, block_size)
    step = sync_to_async(next, thread_sensitive=True)
    while (data := await step(body, _END)) is not _END:
        yield data


def cut(data, size):
    """Return the bytes in parts of at most ``size``; b"" has none."""
    if len(data) <= size:
        return [data] if data else []
    return [data[i : i + size] for i in range(0, len(data), size)]
