"""Branches: the chain that everybody agrees on, and those that a reorg puts in its place for a while.

A branch is named by the height of its first own block, and its blocks' hashes say that height. So branches need
no registry: two providers with a reorg at one height have the same branch, and whoever sees a hash knows to which
branch it belongs. A branch's blocks hold the transactions that the main branch has at the same height, so state
and fees are the same on all branches; the blocks' hashes and makers are not, nor is whatever names a block.
"""

from battle.actors.chain.hashes import Hashes


class Branch:
    """The main branch, or the one whose first own block is at `fork_height`."""

    __slots__ = ("_hashes", "fork_height")

    def __init__(self, hashes: Hashes, fork_height: int | None) -> None:
        self._hashes = hashes
        self.fork_height = fork_height

    def is_own(self, height: int) -> bool:
        """Whether the main branch has another block at `height`."""
        return self.fork_height is not None and height >= self.fork_height

    def block_hash(self, height: int) -> str:
        """The hash of the block at `height`."""
        if self.fork_height is None or height < self.fork_height:
            return self._hashes.at(b"block", height)
        return self._hashes.at(b"branch block", height, height - self.fork_height)

    def height_of(self, block_hash: str) -> int | None:
        """The height of the block with this hash; None when it is none of this branch's."""
        place = self._hashes.place_of(b"block", block_hash)
        if place is not None:
            return None if self.is_own(place[0]) else place[0]
        place = self._hashes.place_of(b"branch block", block_hash)
        return place[0] if place is not None and place[0] - place[1] == self.fork_height else None


def fork_of(hashes: Hashes, block_hash: str) -> int | None:
    """The fork height of the branch to which a block belongs; None for the main branch's and unknown hashes."""
    place = hashes.place_of(b"branch block", block_hash)
    return None if place is None else place[0] - place[1]
