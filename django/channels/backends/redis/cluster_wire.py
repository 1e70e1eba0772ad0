"""The wire to a Cluster."""

from redis.exceptions import NoScriptError

from .wire import FAILURES


class ClusterWire:
    """
    What Wire is, for a client of a Cluster, which knows where each key is. Its
    answers may be of other types.
    """

    def __init__(self, client):
        self.client = client

    def close(self):
        self.client.close()

    def command(self, *args):
        return self.client.execute_command(*args)

    def call(self, *calls):
        return [self._call(*call) for call in calls]

    def later(self, call, then):
        # Two calls may be for two servers.
        try:
            answer = self._call(*call)
        except FAILURES as error:
            answer = error
        then(answer)

    begin = later

    def settle_up(self):
        """Nothing is left."""

    def _call(self, script, keys, args):
        try:
            return self.client.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return self.client.eval(script.text, len(keys), *keys, *args)
