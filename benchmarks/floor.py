"""The download floor: aiohttp reads every page and does nothing with it. Run with a URL it prints the count of pages.

Nothing that reads over HTTP with aiohttp can cost less; what Holdfast costs above it is Holdfast's own.
"""

import asyncio
import sys

import aiohttp


async def read_all(url: str) -> int:
    """Follow the Link headers to the end; how many pages there were."""
    pages = 0
    following: str | None = url
    async with aiohttp.ClientSession() as session:
        while following:
            async with session.get(following) as response:
                await response.read()
                link = response.headers.get("Link")
            pages += 1
            following = link[1 : link.index(">")] if link else None
    return pages


if __name__ == "__main__":
    print(asyncio.run(read_all(sys.argv[1])))
