-- What the scripts for durable and delayed messages have in common: it stands
-- before each of them. KEYS[1] is the base of a shard's keys, all of which are
-- in the slot of its tag, so that a Cluster lets the scripts make them up.
--
-- BASE:job:ID       a message, a hash: channel; data; priority; place; unique
--                   and key, or ''; attempts; lease, how many it has had; kept,
--                   in ms, or '' if it's durable; due; and once it's dead error
--                   and died.
-- BASE:ready:NAME   the ids of a channel's messages that can be received, by
--                   place: a number that has the priority and then the order.
-- BASE:held:NAME/KEY  those that wait for another one with their key.
-- BASE:counts       how many messages of a channel are ready or held.
-- BASE:delayed      ids by the time at which they become ready, in ms.
-- BASE:leased       ids by the time at which their lease ends, in ms.
-- BASE:dead         ids in the order in which they died.
-- BASE:unique:NAME/UNIQUE  the ids of those that wait, a set.
-- BASE:running      the id of the leased one, by NAME/KEY.
-- BASE:signal:NAME  a list on which receivers block: an item for each that is
--                   ready, at most.
-- BASE:number       how many numbers were given.

local base = KEYS[1]

local function key(name)
    return base .. ':' .. name
end

local function get_time()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number)
    return string.format('%.0f', number)
end

local function signal(channel)
    redis.call('RPUSH', key('signal:' .. channel), '')
end

local function make_ready(id, channel, place)
    if redis.call('ZADD', key('ready:' .. channel), place, id) == 1 then
        signal(channel)
    end
end

local function count(channel, change)
    if redis.call('HINCRBY', key('counts'), channel, change) <= 0 then
        local left = redis.call('ZCARD', key('ready:' .. channel))
        if left > 0 then
            -- A server that evicts keys has lost the number.
            redis.call('HSET', key('counts'), channel, left)
        else
            redis.call('HDEL', key('counts'), channel)
        end
    end
end

-- Whether another message with the key runs, for all that the server knows.
local function is_running(name)
    local id = redis.call('HGET', key('running'), name)
    return id and redis.call('ZSCORE', key('leased'), id)
        and redis.call('EXISTS', key('job:' .. id)) == 1
end

-- Let a message wait until it's due, which is later.
local function put_off(id, channel, due)
    redis.call('ZADD', key('delayed'), whole(due), id)
    if redis.call('ZRANK', key('delayed'), id) == 0 then
        -- Somebody is to know when to look.
        if redis.call('LLEN', key('signal:' .. channel)) == 0 then
            signal(channel)
        end
    end
end

-- Let a message wait that was there before.
local function put(id, due, now)
    local job = redis.call('HMGET', key('job:' .. id), 'channel', 'place', 'unique')
    local channel, place, unique = job[1], job[2], job[3]
    if not channel then
        -- A server that evicts keys has lost it.
        return
    end
    if unique ~= '' then
        redis.call('SADD', key('unique:' .. channel .. '/' .. unique), id)
    end
    if due <= now then
        make_ready(id, channel, place)
        count(channel, 1)
    else
        put_off(id, channel, due)
    end
end

-- Let the next message with the key be taken, after this one's lease.
local function free(id, channel, name)
    local running = channel .. '/' .. name
    if name ~= '' and redis.call('HGET', key('running'), running) == id then
        redis.call('HDEL', key('running'), running)
        local first = redis.call('ZPOPMIN', key('held:' .. running))
        if first[1] then
            make_ready(first[1], channel, first[2])
        end
    end
end

-- Make ready whose time has come, some of each kind.
local function promote(now)
    local limit = {'-inf', whole(now), 'LIMIT', 0, 100}
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('delayed'), unpack(limit))) do
        redis.call('ZREM', key('delayed'), id)
        put(id, now, now)
    end
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('leased'), unpack(limit))) do
        redis.call('ZREM', key('leased'), id)
        local job = redis.call('HMGET', key('job:' .. id), 'channel', 'key')
        if job[1] then
            free(id, job[1], job[2])
            put(id, now, now)
        end
    end
end

-- Somebody may be about to block, and needs the signal of what is ready yet.
local function trim_signals(channel)
    local list, ready = key('signal:' .. channel), key('ready:' .. channel)
    if redis.call('LLEN', list) > redis.call('ZCARD', ready) then
        redis.call('LPOP', list)
    end
end

-- Take the first message of a channel. Return its id and a list: data; kept;
-- due; attempts; lease. Or return nil.
local function take_first(channel)
    while true do
        local first = redis.call('ZPOPMIN', key('ready:' .. channel))
        local id, place = first[1], first[2]
        if not id then
            redis.call('DEL', key('signal:' .. channel))
            if redis.call('EXISTS', key('running')) == 0 then
                -- None is held: a server that evicts keys has lost them.
                redis.call('HDEL', key('counts'), channel)
            end
            return nil
        end
        trim_signals(channel)
        local job = redis.call('HMGET', key('job:' .. id),
            'data', 'kept', 'due', 'attempts', 'lease', 'key', 'unique')
        local alone, unique = job[6], job[7]
        local name = channel .. '/' .. (alone or '')
        if not alone then
            count(channel, -1)
        elseif alone ~= '' and is_running(name) then
            redis.call('ZADD', key('held:' .. name), place, id)
        else
            count(channel, -1)
            if unique ~= '' then
                redis.call('SREM', key('unique:' .. channel .. '/' .. unique), id)
            end
            if alone ~= '' then
                redis.call('HSET', key('running'), name, id)
            end
            return id, job
        end
    end
end

-- In how many ms another message may become ready, or -1.
local function next_time(now)
    local result = -1
    for _, name in ipairs({'delayed', 'leased'}) do
        local first = redis.call('ZRANGE', key(name), 0, 0, 'WITHSCORES')
        if first[2] then
            local left = math.max(0, tonumber(first[2]) - now)
            if result < 0 or left < result then
                result = left
            end
        end
    end
    return result
end

