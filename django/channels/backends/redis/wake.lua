
-- Wake the thread that reads an inbox, KEYS[1].

redis.call(PUBLISH, KEYS[1], '')
