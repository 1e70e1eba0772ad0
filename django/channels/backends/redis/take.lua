-- Take the first message of the first channel that has one.
--
-- KEYS: the base; the queues.
-- ARGV: how long the lease of a durable message is, in ms.
-- Returns a list. It begins with a queue's number, from 1, and the entry that
-- was taken from it or, for a durable message, a list of its data, its id, its
-- attempts and its lease; or 0 and '' if there is none, or -1 and '' if so many
-- had expired that it is others' turn. Then, in how many ms there may be more,
-- or -1. Then, for each message that had expired, it has the queue's number
-- and the message.

local now = get_time()
local result = {0, '', -1}
local counts = key('counts')
local has_jobs = redis.call('EXISTS', counts, key('delayed'), key('leased')) > 0

local function drop_expired(number, data)
    result[#result + 1] = number
    result[#result + 1] = data
    return #result > 200
end

-- Fill in the result, or return whether it's others' turn.
local function take_job(number, channel)
    while redis.call('HEXISTS', counts, channel) == 1 do
        local id = take_first(channel)
        if not id then
            return false
        end
        local name = key('job:' .. id)
        local job = redis.call('HMGET', name, 'data', 'kept', 'due', 'attempts')
        local data, kept, due = job[1], job[2], tonumber(job[3])
        if kept == '' then
            local lease = redis.call('INCR', key('number'))
            redis.call('HSET', name, 'attempts', job[4] + 1, 'lease', lease)
            redis.call('ZADD', key('leased'), whole(now + tonumber(ARGV[1])), id)
            result[1] = number
            result[2] = {data, id, job[4] + 1, tostring(lease)}
            return true
        end
        redis.call('DEL', name)
        if due + kept > now then
            result[1] = number
            result[2] = string.format('%013.0f', due + kept) .. data
            return true
        end
        if drop_expired(number, data) then
            result[1] = -1
            return true
        end
    end
    return false
end

local function take(number, queue)
    if has_jobs and take_job(number, string.match(queue, ':queue:(.*)$')) then
        return true
    end
    local entry = redis.call('LPOP', queue)
    while entry do
        if tonumber(string.sub(entry, 1, 13)) > now then
            result[1], result[2] = number, entry
            return true
        end
        if drop_expired(number, string.sub(entry, 14)) then
            result[1] = -1
            return true
        end
        entry = redis.call('LPOP', queue)
    end
    return false
end

if has_jobs then
    promote(now)
end
for i = 2, #KEYS do
    if take(i - 1, KEYS[i]) then
        return result
    end
end
if has_jobs then
    result[3] = next_time(now)
end
return result
