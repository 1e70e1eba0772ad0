"""Taking edits of upstream's files into the patches."""

from .apply import apply
from .base import Base
from .exceptions import PatchsetError
from .index import download
from .patch import Patch, export
from .table import write_table
from .tree import Tree


def refresh(root, base, paths=(), fetch=download):
    """Write the patches of the upstream files that were edited in the tree."""
    tree = Tree(root)
    base = Base(root, tree.state["base"]) if tree.state["base"] else base
    upstream = base.upstream(fetch)
    unknown = [path for path in paths if path not in upstream]
    if unknown:
        raise PatchsetError(
            f"{', '.join(unknown)}: not of Django {base.version}; new files are "
            f"committed as they are."
        )
    edited = paths or tree.edited(upstream)
    if edited and not paths and tree.state["key"] not in (None, base.key):
        raise PatchsetError(
            f"Both the patches and the tree have changed ({', '.join(edited)}): name "
            f"the files that the tree has right, 'python patchset.py refresh PATH'."
        )
    # All of them first: where one can't be a patch, none is written.
    diffs = [export(path, upstream[path].data, read(root, path)) for path in edited]
    for path, diff in zip(edited, diffs):
        refresh_patch(base, path, diff)
    write_table(root)
    apply(root, Base(root, base.name), fetch)


def read(root, path):
    try:
        return (root / path).read_bytes()
    except FileNotFoundError:
        raise PatchsetError(
            f"{path}: a patch can't remove a file. 'python patchset.py apply' brings "
            f"it back."
        ) from None


def refresh_patch(base, path, diff):
    """Write one file's patch: an existing, a new, or none if nothing differs."""
    name = path.partition("/")[2].replace("/", "-").rpartition(".")[0] + ".patch"
    patch = Patch(base.folder / name)
    for file in base.folder.glob("*.patch"):  # Those out of the series too.
        existing = Patch(file, file.read_bytes().decode())
        patch = existing if existing.path == path else patch
    done, listed = "Refreshed", patch.file.name in base.series
    if not (diff or listed):
        print(f"Not edited: {path}.")
        return
    if diff:
        patch.file.write_bytes((patch.header + diff).encode())
    else:
        done = "Removed"
        patch.file.unlink()
        base.series.remove(patch.file.name)
    if diff and not listed:
        done = "Added to the series"
        base.series.append(patch.file.name)
    (base.folder / "series").write_text("".join(f"{p}\n" for p in base.series))
    todo = " (replace each TODO in its header)" if "TODO" in patch.header else ""
    print(f"{done}: {patch.name}{todo}.")
