-- Take the first message of the first channel that has one.
--
-- KEYS: the base; the last answer; the queues.
-- ARGV: how long the lease of a durable message is, in ms; this call's number,
-- which is the last one's if that had no answer; how long to keep the answer,
-- in ms; a list that has an item if nothing is to be taken, or ''.
-- Returns a list. It begins with a queue's number, from 1, and the entry that
-- was taken from it or, for a durable message, a list of its data, its id, its
-- attempts and its lease; or 0 and '' if there is none, or -1 and '' if so many
-- had expired that it is others' turn. Then, in how many ms there may be more,
-- or -1. Then, for each message that had expired, it has the queue's number
-- and the message.
--
-- The answer is kept until the next call, so that one that is lost on its way
-- loses no message: the call is made again, and has the same answer.

local now = get_time()
local result = {0, '', -1}
local streams, delayed, leased = key('streams'), key('delayed'), key('leased')
local freed = key('free')
-- Mostly there is nothing but in the last queue, which gave a message before:
-- one command finds it out.
local has_jobs, has_free, first = false, false, math.max(3, #KEYS)
if redis.call('EXISTS', streams, delayed, leased, unpack(KEYS, 3, #KEYS - 1)) > 0 then
    -- A key counts as often as it's named.
    local number = redis.call(
        'EXISTS', streams, delayed, leased, freed, freed, freed, freed)
    has_jobs, has_free = number > 0, number > 3
    first = 3
end

local function drop_expired(number, data)
    result[#result + 1] = number
    result[#result + 1] = data
    return #result > 200
end

-- Take the first entry of a stream that is free or wasn't seen. Return its number,
-- its fields, its attempts and a number for its lease; or nil.
local function take_entry(stream)
    if has_free and redis.call('SISMEMBER', freed, stream) == 1 then
        local free = redis.pcall('XPENDING', stream, 'workers', '-', '+', 1, 'free')[1]
        local found = free and claim(stream, 'away', free[1])
        if found then
            return found[1], found[2], free[4] + 1, redis.call('INCR', key('number'))
        end
        redis.call('SREM', freed, stream)
    end
    local function read()
        return redis.pcall('XREADGROUP', 'GROUP', 'workers', 'away', 'COUNT', 1,
            'STREAMS', stream, '>')
    end
    local found = read()
    if found and found.err then
        if redis.call('EXISTS', stream) == 0 then
            return nil
        end
        redis.call('XGROUP', 'CREATE', stream, 'workers', 0)
        found = read()
    end
    if found then
        local entry = found[1][2][1]
        return entry[1], entry[2], 1, 0
    end
end

-- Return whether an entry that was delayed and is new has to wait yet.
local function is_early(channel, priority, entry, due)
    local lease = make_lease(channel, priority, entry, 0, 'none', '')
    if tonumber(due) > now then
        see(channel)
        redis.call('ZADD', delayed, due, lease)
        return true
    end
    if redis.call('ZREM', delayed, lease) == 1 then
        see(channel)
    end
    return false
end

-- Return whether an entry has to wait for another one with its key.
local function is_held(channel, priority, entry, attempts, name)
    local running = channel .. '/' .. name
    local lease = redis.call('HGET', key('running'), running)
    if not lease or not redis.call('ZSCORE', leased, lease) then
        return false
    end
    claim(get_stream(channel, priority), 'held', entry,
        'RETRYCOUNT', attempts - 1, 'JUSTID')
    local time, number = string.match(entry, '(%d+)-(%d+)')
    local place = string.format('%015.0f-%010.0f', time, number)
    redis.call('ZADD', key('held:' .. running), 0 - priority, place)
    return true
end

local function give(number, channel, priority, entry, attempts, count, job)
    if job.unique then
        local name = key('unique:' .. channel .. '/' .. job.unique)
        redis.call('SREM', name, priority .. ' ' .. entry)
    end
    if job.expires then
        redis.call('XACK', get_stream(channel, priority), 'workers', entry)
        redis.call('XDEL', get_stream(channel, priority), entry)
        if tonumber(job.expires) > now then
            result[1] = number
            result[2] = string.format('%013.0f', job.expires) .. job.data
        elseif drop_expired(number, job.data) then
            result[1] = -1
        end
        return
    end
    local lease = make_lease(channel, priority, entry, attempts, count, job.key or '')
    if job.key then
        redis.call('HSET', key('running'), channel .. '/' .. job.key, lease)
    end
    redis.call('ZADD', leased, whole(now + tonumber(ARGV[1])), lease)
    result[1] = number
    result[2] = {job.data, job.id, attempts, lease}
end

-- Fill in the result, if there is a message of this priority.
local function take_first(number, channel, priority)
    local stream = get_stream(channel, priority)
    for _ = 1, 100 do
        local entry, fields, attempts, count = take_entry(stream)
        if not entry then
            return
        end
        local job = read_fields(fields)
        local early = count == 0 and job.due
            and is_early(channel, priority, entry, job.due)
        if not early and not (job.key
                and is_held(channel, priority, entry, attempts, job.key)) then
            give(number, channel, priority, entry, attempts, count, job)
            if result[1] ~= 0 then
                return
            end
        end
    end
    result[1] = -1
end

-- A server that evicts keys may have lost why a consumer's entries wait: free them.
local function find_lost(channel, priority, consumer, ...)
    if redis.call('EXISTS', ...) == 0 then
        local stream = get_stream(channel, priority)
        for _, lost in ipairs(redis.pcall(
            'XPENDING', stream, 'workers', '-', '+', 100, consumer)) do
            local job = put(channel, priority, lost[1], lost[4], now, now)
            if job and job.key then
                redis.call('DEL', key('held:' .. channel .. '/' .. job.key))
            end
        end
    end
end

-- Fill in the result, or return whether it's others' turn.
local function take_job(number, channel)
    local listed = redis.call('HGET', streams, channel)
    if not listed then
        return false
    end
    local signals, left = key('signal:' .. channel), {}
    for priority in string.gmatch(listed, '%S+') do
        take_first(number, channel, priority)
        if result[1] ~= 0 then
            if redis.call('EXISTS', signals) == 0 and count(channel, listed) > 0 then
                redis.call('RPUSH', signals, '')
            end
            return true
        end
        if redis.call('XLEN', get_stream(channel, priority)) > 0 then
            left[#left + 1] = priority
        end
    end
    redis.call('DEL', signals)
    for _, priority in ipairs(left) do
        find_lost(channel, priority, 'held', key('running'))
        find_lost(channel, priority, 'away', leased, delayed)
    end
    left = table.concat(left, ' ')
    if left == '' then
        redis.call('HDEL', streams, channel)
    elseif left ~= listed then
        redis.call('HSET', streams, channel, left)
    end
    return false
end

-- Take a queue's first entry, and signal that there are more.
local function pop(queue, channel)
    local entry = redis.call('LPOP', queue)
    if entry then
        local signals = string.sub(base, 1, -5) .. 'signals:' .. channel
        if redis.call('EXISTS', signals) == 0 and redis.call('EXISTS', queue) == 1 then
            redis.call('RPUSH', signals, '')
            redis.call('PEXPIRE', signals, ARGV[3])
        end
    end
    return entry
end

local function take(number, queue)
    -- The prefix may have all of this but the brace.
    local channel = string.match(queue, '}:queue:(.*)$')
    if has_jobs and take_job(number, channel) then
        return true
    end
    local entry = pop(queue, channel)
    while entry do
        if tonumber(string.sub(entry, 1, 13)) > now then
            result[1], result[2] = number, entry
            return true
        end
        if drop_expired(number, string.sub(entry, 14)) then
            result[1] = -1
            return true
        end
        entry = pop(queue, channel)
    end
    return false
end

-- Return what was answered to this call before, or nil if nothing was. A call
-- that comes in after a later one is nobody's any more.
local function answer_again(number)
    local last = redis.call('GET', KEYS[2])
    local space = last and string.find(last, ' ', 1, true)
    local answered = last and tonumber(string.sub(last, 1, space))
    if not last or answered < number then
        return nil
    elseif answered > number then
        return result
    end
    local answer = cmsgpack.unpack(string.sub(last, space + 1))
    local entry = answer[2]
    if type(entry) == 'table' then
        -- A lease that is over meanwhile is another's, or will be.
        local till = redis.call('ZSCORE', leased, entry[4])
        if not till or tonumber(till) <= now then
            return nil
        end
    elseif entry ~= '' and tonumber(string.sub(entry, 1, 13)) <= now then
        answer[#answer + 1] = answer[1]
        answer[#answer + 1] = string.sub(entry, 14)
        answer[1], answer[2] = -1, ''
    end
    return answer
end

local function keep(answer)
    local kept = ARGV[2] .. ' ' .. cmsgpack.pack(answer)
    redis.call('SET', KEYS[2], kept, 'PX', ARGV[3])
    return answer
end

-- In how many ms another message may become ready, or -1.
local function next_time()
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

if ARGV[4] ~= '' and redis.call('EXISTS', ARGV[4]) == 1 then
    return result
end

local again = answer_again(tonumber(ARGV[2]))
if again then
    return again
end

if has_jobs then
    has_free = promote(now) or has_free
end
for i = first, #KEYS do
    if take(i - 2, KEYS[i]) then
        return keep(result)
    end
end
if has_jobs then
    result[3] = next_time()
end
return keep(result)
