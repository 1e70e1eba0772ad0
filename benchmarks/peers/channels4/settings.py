"""The project with Channels 4, on the layer that the environment names."""

import os

from hello.settings import *  # noqa: F401,F403
from hello.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "channels"]

LAYERS = {
    "memory": "channels.layers.InMemoryChannelLayer",
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
layer = os.environ.get("BENCHMARK_LAYER", "memory")
hosts = {"hosts": [os.environ.get("BENCHMARK_REDIS")]}
CHANNEL_LAYERS = {}
if layer != "none":
    CHANNEL_LAYERS["default"] = {
        "BACKEND": LAYERS[layer],
        "CONFIG": {} if layer == "memory" else hosts,
    }
