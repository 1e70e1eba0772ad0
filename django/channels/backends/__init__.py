"""
What carries messages.

``base``, ``durable``
    The contract, and its part about durable channels.
``drops``, ``encryption``, ``serializer``
    What was dropped, counted; messages as bytes.
``memory``
    The default, in one process. ``memory_receiver``, ``memory_jobs``,
    ``memory_results`` and ``memory_durable`` are its parts.
``shared``
    What backends that processes share have in common: ``shared_store`` is what
    they implement, ``shared_sends`` what sends to it, and ``shared_receiver``
    the base of their receivers.
    ``local`` is what a process keeps to itself, ``inbox_items`` what processes
    have for one another, ``shared_groups`` the groups; ``recovery`` is
    that the store is back, ``lifetime`` sees to forks and ends of processes.
``database``, ``redis``
    Such backends.
"""
