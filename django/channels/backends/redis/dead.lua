-- What can be done with dead messages.
--
-- ARGV: 'list'; or 'revive' or 'purge', then the id of one.
-- 'list' returns a list for each: the id, the channel, the message, the
-- attempts, the error, when it died, in ms. The others return 1, or 0 if it
-- isn't there.

local action, id = ARGV[1], ARGV[2]
local dead = key('dead')

if action == 'list' then
    local result = {}
    for _, id in ipairs(redis.call('ZRANGE', dead, 0, -1)) do
        local job = redis.call('HMGET', key('job:' .. id),
            'channel', 'data', 'attempts', 'error', 'died')
        table.insert(job, 1, id)
        result[#result + 1] = job
    end
    return result
end

if redis.call('ZREM', dead, id) == 0 then
    return 0
end
local name = key('job:' .. id)
if action == 'purge' then
    redis.call('DEL', name)
    return 1
end
local now = get_time()
local priority = redis.call('HGET', name, 'priority')
local number = redis.call('INCR', key('number'))
local place = whole((10 - tonumber(priority)) * 2 ^ 47 + number)
redis.call('HDEL', name, 'error', 'died')
redis.call('HSET', name, 'place', place, 'attempts', 0)
put(id, now, now)
return 1
