"""The behaviour that every channel backend has, as tests to run on yours."""

from .batches import BatchTests, SharedBatchTests
from .case import BackendTestCase
from .dead_letters import DeadLetterTests
from .deliveries import DeliveryTests
from .durable import DurableTests
from .group_sharing import GroupSharingTests
from .groups import GroupTests
from .queues import QueueTests
from .receivers import ReceiverTests
from .replies import ReplyChannelTests
from .results import ResultTests
from .sharing import SharingTests
from .values import ValueTests

__all__ = ["BackendTestCase", "ChannelBackendTests", "SharedChannelBackendTests"]


class ChannelBackendTests(
    QueueTests,
    ReceiverTests,
    ValueTests,
    ReplyChannelTests,
    GroupTests,
    DurableTests,
    DeliveryTests,
    BatchTests,
    DeadLetterTests,
    ResultTests,
    BackendTestCase,
):
    """
    Tests of a channel backend, to be mixed into a SimpleTestCase or, where the
    backend needs the database, a TransactionTestCase. See BackendTestCase for
    what a test class adds.
    """


class SharedChannelBackendTests(
    SharedBatchTests, SharingTests, GroupSharingTests, ChannelBackendTests
):
    """These and more for a SharedChannelBackend."""

    shared = True
