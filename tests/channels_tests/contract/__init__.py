"""
What this project's code relies on in the packages below it.

An upgrade of Django, asgiref or one of the server's packages is to fail here
first, with a message that says which module relies on what, and what for.

``relying``, ``sources``
    What the tests are made with; what the sources themselves tell.
``names``, ``test_names``
    Every name that the sources import, or write with a leading underscore,
    without defining it, and its purpose. A name that isn't listed fails, as
    one does that is listed and no longer used.
``test_…``
    What names can't tell: the behaviour, in its smallest form.

Where a name is gone that Django's start needs, no test can run: Python's own
ImportError names the module then, and ``names`` the purpose.
"""
