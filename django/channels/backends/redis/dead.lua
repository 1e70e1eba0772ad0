-- What can be done with dead messages.
--
-- ARGV: 'list' or 'count', then the first and the last place to look at, from 0
-- in the order in which they died, and the channel, or '' for any; or 'get',
-- 'revive' or 'purge', then the id of one.
-- 'list' returns how many there are at these places, then a list for each one
-- of the channel: the id, the channel, the message, the attempts, the error,
-- when it died, in ms; 'get' does the same for one. 'count' returns how many
-- there are at these places, and how many are of the channel. The others return
-- 1, or 0 if it isn't there.

local action, id = ARGV[1], ARGV[2]
local dead = key('dead')

local function get(id)
    local job = redis.call('HMGET', key('dead:' .. id),
        'channel', 'data', 'attempts', 'error', 'died')
    table.insert(job, 1, id)
    return job
end

local function is_wanted(id, wanted)
    local channel = redis.call('HGET', key('dead:' .. id), 'channel')
    -- A server that evicts keys may have lost it.
    return channel and (wanted == '' or wanted == channel)
end

if action == 'get' then
    local found = redis.call('ZSCORE', dead, id) and is_wanted(id, '')
    return found and {1, get(id)} or {0}
end

if action == 'list' or action == 'count' then
    local ids = redis.call('ZRANGE', dead, ARGV[2], ARGV[3])
    local result, number = {#ids}, 0
    for _, id in ipairs(ids) do
        if is_wanted(id, ARGV[4]) then
            number = number + 1
            result[number + 1] = action == 'list' and get(id) or nil
        end
    end
    return action == 'list' and result or {#ids, number}
end

if redis.call('ZREM', dead, id) == 0 then
    return 0
end
local name = key('dead:' .. id)
if action == 'purge' then
    return redis.call('DEL', name)
end
local job = redis.call('HMGET', name, 'channel', 'priority', 'data', 'unique', 'key')
local channel, priority, data, unique, alone = unpack(job)
if not channel then
    -- A server that evicts keys has lost it.
    return 0
end
redis.call('DEL', name)
list(channel, priority)
enter(channel, priority, {id = id, data = data, unique = unique, key = alone})
signal(channel)
return 1
