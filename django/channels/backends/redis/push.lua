-- Add a message to a queue.
--
-- KEYS: the queue; its signals.
-- ARGV: its capacity; how long the message is kept, in ms; the message.
-- Returns whether it was added, as 1 or 0, then the messages that had expired.
--
-- An entry of a queue is the time, in ms in 13 digits, at which it expires,
-- and the message. Receivers block on the signals, a list of one item at most,
-- and who takes an entry signals that there are more: see take.lua. A receiver
-- that is lost takes a signal along, and no message.

local queue, signals = KEYS[1], KEYS[2]
local capacity, kept, message = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {1}
local entry = string.format('%013.0f', now + kept) .. message
local waiting = redis.call('RPUSH', queue, entry)

-- Those that expired take no room, but looking costs time.
while waiting > capacity and #result <= 100 do
    local first = redis.call('LINDEX', queue, 0)
    if tonumber(string.sub(first, 1, 13)) > now then
        break
    end
    redis.call('LPOP', queue)
    result[#result + 1] = string.sub(first, 14)
    waiting = waiting - 1
end

if waiting > capacity then
    redis.call('RPOP', queue)
    result[1] = 0
    return result
end

-- A minute more than the last message, so that somebody finds it expired.
local left = kept + 60000
if waiting == 1 or redis.call('PTTL', queue) < left then
    redis.call('PEXPIRE', queue, left)
end
if redis.call('EXISTS', signals) == 0 then
    redis.call('RPUSH', signals, '')
    redis.call('PEXPIRE', signals, left)
end
return result
