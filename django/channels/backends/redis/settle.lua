-- Say what became of a durable message.
--
-- ARGV: its lease; and 'acknowledge', or 'release' with the delay, in ms, or
-- 'bury' with the error; and with these, how many attempts to take back.
-- Returns 1, or 0 if the lease was over.

local lease, action = ARGV[1], ARGV[2]

if redis.call('ZREM', key('leased'), lease) == 0 then
    return 0
end
local channel, priority, entry, attempts, name = read_lease(lease)
local stream = get_stream(channel, priority)
free(channel, name, lease)
if action == 'release' then
    local now = get_time()
    put(channel, priority, entry, attempts - ARGV[4], now + tonumber(ARGV[3]), now)
    return 1
end
if action == 'bury' then
    local found = redis.call('XRANGE', stream, entry, entry)[1]
    if found then
        local job = read_fields(found[2])
        redis.call('HSET', key('dead:' .. job.id), 'channel', channel,
            'priority', priority, 'data', job.data, 'unique', job.unique or '',
            'key', name, 'attempts', attempts - ARGV[4], 'error', ARGV[3],
            'died', whole(get_time()))
        redis.call('ZADD', key('dead'), redis.call('INCR', key('number')), job.id)
    end
end
redis.call('XACK', stream, 'workers', entry)
redis.call('XDEL', stream, entry)
return 1
