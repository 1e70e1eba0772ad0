"""
Keeping the working tree equal to a pinned Django with the patches' hooks.

It's behind ``patchset.py`` and needs nothing but Python, git and pip. Each
module imports only from those above it:

``exceptions``
    The error that ends a command.
``archive``, ``patch``
    What a source distribution holds; a header and the diff of one file.
``base``, ``index``
    A supported release: its pin and its series; where its archive comes from.
``tree``
    The working tree, and the record of what was written into it.
``table``
    The patches as patches/README.md lists them.
``apply``, ``refresh``, ``checks``
    Setting the tree up; taking edits of it into patches; what must hold.
``merge``, ``upgrade``
    Carrying a patch over to another release; moving a base to one.
"""
