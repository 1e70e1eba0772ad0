-- What the scripts for durable and delayed messages have in common: it stands
-- before each of them. KEYS[1] is the base of a shard's keys, all of which are
-- in the slot of its tag, so that a Cluster lets the scripts make them up.
--
-- BASE:stream:NAME/PRIORITY  a channel's messages of one priority, each of which
--                   stays there until it's done with. An entry has its id, of 16
--                   letters, with its data in one field, since a server comes to
--                   it field by field; and what it needs of unique, key, due and
--                   expires.
--                   Those that the group "workers" has seen belong to the
--                   consumer "away" (leased, or delayed), "held" (they wait for
--                   another one with their key), or "free" (to be received
--                   before the unseen ones); their delivery count is that of
--                   the attempts. Whoever receives first makes the group.
-- BASE:streams      a channel's priorities that may have entries, in order.
-- BASE:free         the streams that may have free entries, a set.
-- BASE:unseen       how many delayed entries of a channel weren't seen yet.
-- BASE:leased       leases by the time at which they end, in ms. See make_lease().
-- BASE:delayed      such leases of nobody, for messages that have to wait.
-- BASE:unique:NAME/UNIQUE  "PRIORITY ENTRY" of those that wait, a set.
-- BASE:running      the lease of the message that has it, by NAME/KEY.
-- BASE:held:NAME/KEY  the held entries, their numbers padded, by priority.
-- BASE:dead         ids in the order in which they died.
-- BASE:dead:ID      such a message, a hash: channel; priority; data; unique; key;
--                   attempts; error; died.
-- BASE:signal:NAME  a list on which receivers block: an item, if there may be a
--                   message. Who takes one signals that there are more.
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

local function get_stream(channel, priority)
    return key('stream:' .. channel .. '/' .. priority)
end

-- The number tells this lease from others of the entry.
local function make_lease(channel, priority, entry, attempts, number, name)
    return priority .. ' ' .. entry .. ' ' .. attempts .. ' ' .. number .. ' '
        .. channel .. ' ' .. name
end

-- Return the channel, the priority, the entry, the attempts and the name.
local function read_lease(lease)
    local priority, entry, attempts, channel, name = string.match(
        lease, '^(%S+) (%S+) (%S+) %S+ (%S+) (.*)$')
    return channel, priority, entry, attempts, name
end

local function read_fields(fields)
    local result = {}
    for i = 3, #fields, 2 do
        result[fields[i]] = fields[i + 1]
    end
    result.id, result.data = string.sub(fields[2], 1, 16), string.sub(fields[2], 17)
    return result
end

local function signal(channel)
    local list = key('signal:' .. channel)
    if redis.call('EXISTS', list) == 0 then
        redis.call('RPUSH', list, '')
    end
end

-- Have receivers look for messages of this priority. Return all priorities.
local function list(channel, priority)
    local listed = redis.call('HGET', key('streams'), channel)
    if listed == priority then
        return listed
    end
    local all = {priority}
    for other in string.gmatch(listed or '', '%S+') do
        if other == priority then
            return listed
        end
        all[#all + 1] = other
    end
    table.sort(all, function(a, b) return tonumber(a) > tonumber(b) end)
    listed = table.concat(all, ' ')
    redis.call('HSET', key('streams'), channel, listed)
    return listed
end

-- How many messages can be received, or wait for another one with their key.
local function count(channel, listed)
    local result = 0 - (redis.call('HGET', key('unseen'), channel) or 0)
    for priority in string.gmatch(listed, '%S+') do
        local stream = get_stream(channel, priority)
        result = result + redis.call('XLEN', stream)
        -- It's an error before anybody has received from it.
        local pending = redis.pcall('XPENDING', stream, 'workers')
        for _, consumer in ipairs(pending[4] or {}) do
            if consumer[1] == 'away' then
                result = result - consumer[2]
            end
        end
    end
    return result
end

-- Note that one delayed entry less wasn't seen.
local function see(channel)
    if redis.call('HINCRBY', key('unseen'), channel, -1) <= 0 then
        redis.call('HDEL', key('unseen'), channel)
    end
end

-- Give an entry that was seen to a consumer. Return it, or nil if it isn't there:
-- it wasn't seen, or a server that evicts keys has lost it.
local function claim(stream, consumer, entry, ...)
    return redis.pcall('XCLAIM', stream, 'workers', consumer, 0, entry, ...)[1] or nil
end

local function make_free(channel, priority)
    redis.call('SADD', key('free'), get_stream(channel, priority))
    list(channel, priority)
    signal(channel)
end

-- Add an entry to a stream. Return its number.
local function enter(channel, priority, job)
    local fields = {'message', job.id .. job.data}
    for _, name in ipairs({'unique', 'key', 'due', 'expires'}) do
        if job[name] and job[name] ~= '' then
            fields[#fields + 1] = name
            fields[#fields + 1] = job[name]
        end
    end
    local entry = redis.call('XADD', get_stream(channel, priority), '*', unpack(fields))
    if fields[3] == 'unique' then
        local name = key('unique:' .. channel .. '/' .. job.unique)
        redis.call('SADD', name, priority .. ' ' .. entry)
    end
    return entry
end

-- Let nobody have an entry until it's due, which is later.
local function put_off(channel, priority, entry, attempts, due)
    local lease = make_lease(channel, priority, entry, attempts, 'none', '')
    redis.call('ZADD', key('delayed'), whole(due), lease)
    local first = redis.call('ZRANGE', key('delayed'), 0, 0)[1]
    if first == lease or read_lease(first) ~= channel then
        -- Somebody is to know when to look, who receives from this channel.
        signal(channel)
    end
end

-- Let a message wait that was seen before. Return its fields, or nil if it's lost.
local function put(channel, priority, entry, attempts, due, now)
    local consumer = due <= now and 'free' or 'away'
    local found = claim(
        get_stream(channel, priority), consumer, entry, 'RETRYCOUNT', attempts)
    if not found then
        return nil
    end
    local job = read_fields(found[2])
    if job.unique then
        local name = key('unique:' .. channel .. '/' .. job.unique)
        redis.call('SADD', name, priority .. ' ' .. entry)
    end
    if due <= now then
        make_free(channel, priority)
    else
        put_off(channel, priority, entry, attempts, due)
    end
    return job
end

-- Let the next message with the key be taken, after this lease.
local function free(channel, name, lease)
    local running = channel .. '/' .. name
    if name == '' or redis.call('HGET', key('running'), running) ~= lease then
        return
    end
    redis.call('HDEL', key('running'), running)
    local found
    repeat
        local first = redis.call('ZPOPMIN', key('held:' .. running))
        if first[1] then
            local priority = whole(0 - first[2])
            local stream = get_stream(channel, priority)
            found = claim(stream, 'free', first[1], 'JUSTID')
            if found then
                make_free(channel, priority)
            end
        end
    until found or not first[1]
end

-- Let be received whose time has come, some of each kind. Return whether any has.
local function promote(now)
    local latest, any = whole(now), false
    for _, name in ipairs({'delayed', 'leased'}) do
        local set = key(name)
        for _, lease in ipairs(redis.call(
            'ZRANGEBYSCORE', set, '-inf', latest, 'LIMIT', 0, 100)) do
            any = true
            redis.call('ZREM', set, lease)
            local channel, priority, entry, attempts, running = read_lease(lease)
            free(channel, running, lease)
            local found = put(channel, priority, entry, attempts, now, now)
            if not found and name == 'delayed' then
                see(channel)
                list(channel, priority)
                signal(channel)
            end
        end
    end
    return any
end

