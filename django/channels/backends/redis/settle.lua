-- Say what became of a durable message.
--
-- ARGV: its id; the lease; and 'acknowledge', or 'release' with the delay, in
-- ms, and how many attempts to take back, or 'bury' with the error.
-- Returns 1, or 0 if the lease was over.

local id, lease, action = ARGV[1], ARGV[2], ARGV[3]
local name = key('job:' .. id)
local job = redis.call('HMGET', name, 'lease', 'channel', 'key')

if job[1] ~= lease or redis.call('ZREM', key('leased'), id) == 0 then
    return 0
end
free(id, job[2], job[3])
if action == 'acknowledge' then
    redis.call('DEL', name)
elseif action == 'release' then
    local now = get_time()
    redis.call('HINCRBY', name, 'attempts', 0 - tonumber(ARGV[5]))
    put(id, now + tonumber(ARGV[4]), now)
else
    redis.call('HSET', name, 'error', ARGV[4], 'died', whole(get_time()))
    redis.call('ZADD', key('dead'), redis.call('INCR', key('number')), id)
end
return 1
