"""Tests whose failure says who relies on what."""

import functools
import inspect
import unittest

import django

# Every source that a test was made for.
relying = set()


def relied_on(by, why):
    """
    Return a decorator for the test of something that is relied on: ``by``, the
    paths of sources, parted by spaces, and ``why``, what it is to them.
    """
    relying.update(by.split())

    def decorate(test):
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def run(self):
                try:
                    await test(self)
                except unittest.SkipTest:
                    raise
                except Exception as error:
                    raise self.failureException(broken(by, why, error)) from error

        else:

            @functools.wraps(test)
            def run(self):
                try:
                    test(self)
                except unittest.SkipTest:
                    raise
                except Exception as error:
                    raise self.failureException(broken(by, why, error)) from error

        return run

    return decorate


def broken(by, why, error):
    """Return what a failure says."""
    return (
        f"With Django {django.get_version()} this doesn't hold any more: {why} "
        f"Relied on by {', '.join(by.split())}. ({type(error).__name__}: {error})"
    )
