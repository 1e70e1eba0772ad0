-- Begin the lease of an inbox, unless another thread has. What a lease that has
-- ended left in the inbox goes with it: it has other numbers.
--
-- KEYS: the inbox; its lease.
-- ARGV: its length, in ms; the number before the first item's.

if redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], 'length', ARGV[1], 'number', ARGV[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
