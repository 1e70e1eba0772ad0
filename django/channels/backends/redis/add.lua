-- Add a durable or a delayed message.
--
-- ARGV: the id; the channel; the message; its priority; the delay, in ms; the
-- names that it's unique by and that it's handled alone by, or ''; how long
-- it's kept when it's due, in ms, or '' for ever; the channel's capacity.
-- Returns 'ok', 'full', or 'there' if another one has its name.

local id, channel, data, priority, delay = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local unique, alone, kept, capacity = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local now = get_time()

local function is_waiting(other, channel)
    local name = redis.call('HGET', key('job:' .. other), 'key')
    if not name then
        return false
    end
    local held = 'held:' .. channel .. '/' .. name
    for _, set in ipairs({'delayed', 'ready:' .. channel, held}) do
        if redis.call('ZSCORE', key(set), other) then
            return true
        end
    end
    return false
end

if unique ~= '' then
    promote(now)
    -- One whose lease is over waits, too.
    while redis.call('ZCOUNT', key('leased'), '-inf', whole(now)) > 0 do
        promote(now)
    end
    local name = key('unique:' .. channel .. '/' .. unique)
    for _, other in ipairs(redis.call('SMEMBERS', name)) do
        if is_waiting(other, channel) then
            return 'there'
        end
        -- A server that evicts keys has lost it.
        redis.call('SREM', name, other)
    end
end
delay = tonumber(delay)
if delay == 0 and redis.call('HINCRBY', key('counts'), channel, 1) > capacity then
    redis.call('HINCRBY', key('counts'), channel, -1)
    return 'full'
end
if unique ~= '' then
    redis.call('SADD', key('unique:' .. channel .. '/' .. unique), id)
end
local number = redis.call('INCR', key('number'))
local place = whole((10 - tonumber(priority)) * 2 ^ 47 + number)
redis.call('HSET', key('job:' .. id), 'channel', channel, 'data', data,
    'priority', priority, 'place', place, 'unique', unique, 'key', alone,
    'attempts', 0, 'lease', 0, 'kept', kept, 'due', whole(now + delay))
if delay == 0 then
    make_ready(id, channel, place)
else
    put_off(id, channel, now + delay)
end
return 'ok'
