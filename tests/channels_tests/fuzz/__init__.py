"""
Coverage-guided fuzzing: bytes that reach new lines are changed further.

    cd tests
    python -m channels_tests.fuzz                           # all, 3 minutes each
    python -m channels_tests.fuzz http codec --seconds 600
    python -m channels_tests.fuzz --help

It's here, not among the benchmarks, since the targets are made of what the
tests are made of, and the inputs in ``corpus/`` are the tests' data: those from
which to go on, of each target as few as reach all the lines that were reached.
``test_corpus`` gives each to its target, in every run of the tests.

The fuzzer is atheris, on libFuzzer. It's installed into ``.venv/fuzz-*`` by the
first run, and needs a Python that it has a wheel for. What it finds makes the
command fail, and is written to ``corpus/``, as ``crash-…`` or ``timeout-…``: it's a
test from then on, and stays one when it's mended. ``--keep`` adds what reached new
lines.

``targets``: what is called with the bytes. ``run``: one target under atheris.
``corpus``: which inputs are kept.
"""
