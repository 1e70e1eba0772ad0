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
local waiting = key('unique:' .. channel .. '/' .. unique)
-- Mostly nobody has to know it.
local now = (delay > 0 or unique ~= '' or kept ~= '') and get_time()

if unique ~= '' then
    promote(now)
    -- One whose lease is over waits, too.
    while redis.call('ZCOUNT', key('leased'), '-inf', whole(now)) > 0 do
        promote(now)
    end
    for _, other in ipairs(redis.call('SMEMBERS', waiting)) do
        local place, entry = string.match(other, '^(%S+) (%S+)$')
        if redis.call('XRANGE', get_stream(channel, place), entry, entry)[1] then
            return -1
        end
        -- A server that evicts keys has lost it.
        redis.call('SREM', waiting, other)
    end
end

local listed = list(channel, priority)
if delay == 0 then
    local room = capacity
    for each in string.gmatch(listed, '%S+') do
        room = room - redis.call('XLEN', get_stream(channel, each))
    end
    if room < wanted then
        -- Those that are leased or delayed take none, until their time has come.
        promote(now or get_time())
        wanted = math.min(wanted, capacity - count(channel, listed))
        if wanted <= 0 then
            return 0
        end
    end
end

local due = delay > 0 and whole(now + delay)
local expires = kept ~= '' and whole(now + delay + kept)
for i = 1, wanted do
    local entry = enter(channel, priority, {
        id = ARGV[6 + 2 * i], data = ARGV[7 + 2 * i],
        unique = unique, key = alone, due = due, expires = expires,
    })
    if due then
        redis.call('HINCRBY', key('unseen'), channel, 1)
        put_off(channel, priority, entry, 0, now + delay)
    end
end
if delay == 0 then
    signal(channel)
end
return wanted
