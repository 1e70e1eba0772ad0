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
local counts, delayed, leased = key('counts'), key('delayed'), key('leased')
-- Mostly there is nothing but in the last queue, which gave a message before:
-- one command finds it out.
local has_jobs, first = false, math.max(3, #KEYS)
if redis.call('EXISTS', counts, delayed, leased, unpack(KEYS, 3, #KEYS - 1)) > 0 then
    has_jobs = redis.call('EXISTS', counts, delayed, leased) > 0
    first = 3
end

local function drop_expired(number, data)
    result[#result + 1] = number
    result[#result + 1] = data
    return #result > 200
end

-- Fill in the result, or return whether it's others' turn.
local function take_job(number, channel)
    while redis.call('HEXISTS', counts, channel) == 1 do
        local id, job = take_first(channel)
        if not id then
            return false
        end
        local name = key('job:' .. id)
        local data, kept, due = job[1], job[2], tonumber(job[3])
        if kept == '' then
            local attempts, lease = job[4] + 1, tostring(job[5] + 1)
            redis.call('HSET', name, 'attempts', attempts, 'lease', lease)
            redis.call('ZADD', leased, whole(now + tonumber(ARGV[1])), id)
            result[1] = number
            result[2] = {data, id, attempts, lease}
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
    local channel = string.match(queue, ':queue:(.*)$')
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
        local till = redis.call('ZSCORE', leased, entry[2])
        local lease = redis.call('HGET', key('job:' .. entry[2]), 'lease')
        if not till or tonumber(till) <= now or lease ~= entry[4] then
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

if ARGV[4] ~= '' and redis.call('EXISTS', ARGV[4]) == 1 then
    return result
end

local again = answer_again(tonumber(ARGV[2]))
if again then
    return again
end

if has_jobs then
    promote(now)
end
for i = first, #KEYS do
    if take(i - 2, KEYS[i]) then
        return keep(result)
    end
end
if has_jobs then
    result[3] = next_time(now)
end
return keep(result)
