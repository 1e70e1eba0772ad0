"""Setting the tree up."""

from .exceptions import PatchsetError
from .index import download
from .tree import Tree, git_files


def apply(root, base, fetch=download, force=False):
    """Make the tree the base with its series; edits by hand are refused."""
    tree = Tree(root)
    if tree.is_current(base):
        print(f"Django {base.version}, {len(base.series)} patches: up to date.")
        return
    upstream = base.upstream(fetch)
    target = base.target(upstream)
    refuse_mixture(root, target)
    if not force:
        refuse_edits(tree, upstream, target)
    tree.switch(base, target)
    print(f"Django {base.version}, {len(base.series)} patches: applied.")


def refuse_mixture(root, target):
    """A path is either git's or upstream's."""
    both = sorted(git_files(root) & {*target})
    if both:
        raise PatchsetError(f"Git holds files of Django's, remove {', '.join(both)}.")


def refuse_edits(tree, upstream, target):
    """Nobody's edit is overwritten."""
    hashes = {path: file.sha256 for path, file in target.items()}
    edited = [p for p in tree.edited(upstream) if tree.digest(p) != hashes.get(p)]
    if edited:
        raise PatchsetError(
            f"Edited by hand: {', '.join(edited)}. Run 'python patchset.py refresh' "
            f"to keep the edit as a patch, or 'python patchset.py apply --force' to "
            f"discard it."
        )
