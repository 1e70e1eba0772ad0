-- Add durable or delayed messages, as long as there is room.
--
-- ARGV: the channel; the messages' priority; the delay, in ms; the names that
-- the one message is unique by, and that each is handled alone by, or ''; how
-- long they're kept when they're due, in ms, or '' for ever; the channel's
-- capacity; and for each message its id and itself.
-- Returns how many were added, or -1 if another one has the unique name.

local channel, priority, delay = ARGV[1], ARGV[2], tonumber(ARGV[3])
local unique, alone, kept, capacity = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local wanted = (#ARGV - 7) / 2
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
            return -1
        end
        -- A server that evicts keys has lost it.
        redis.call('SREM', name, other)
    end
end
if delay == 0 then
    local over = redis.call('HINCRBY', key('counts'), channel, wanted) - capacity
    if over > 0 then
        over = math.min(over, wanted)
        redis.call('HINCRBY', key('counts'), channel, -over)
        wanted = wanted - over
        if wanted == 0 then
            return 0
        end
    end
end
local number = redis.call('INCRBY', key('number'), wanted) - wanted
for i = 1, wanted do
    local id, data = ARGV[6 + 2 * i], ARGV[7 + 2 * i]
    local place = whole((10 - tonumber(priority)) * 2 ^ 47 + number + i)
    if unique ~= '' then
        redis.call('SADD', key('unique:' .. channel .. '/' .. unique), id)
    end
    redis.call('HSET', key('job:' .. id), 'channel', channel, 'data', data,
        'priority', priority, 'place', place, 'unique', unique, 'key', alone,
        'attempts', 0, 'lease', 0, 'kept', kept, 'due', whole(now + delay))
    if delay == 0 then
        make_ready(id, channel, place)
    else
        put_off(id, channel, now + delay)
    end
end
return wanted
