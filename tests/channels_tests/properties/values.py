"""What a message may hold, as strategies."""

from hypothesis import strategies as st

# Text of any code points, lone surrogates and pairs of them included.
texts = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["\0", "\0b", "\0\0b", "\ud800", "\udcff", "\ud83d\ude00", "😀", "\u2028"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**64, -(2**200), 10**4300 - 1, 1 - 10**4300])
    | st.floats()
    | texts
    | st.binary(max_size=8)
)
values = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below),
    max_leaves=8,
)
contents = st.dictionaries(texts, values, max_size=4)


def nested(depth, kind):
    """Return a message that is so deep, itself included."""
    value = 1
    for _ in range(depth - 1):
        value = {"k": value} if kind is dict else [value]
    return {"a": value}
