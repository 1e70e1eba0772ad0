-- Begin the lease of an inbox, unless another thread has.
--
-- KEYS: the lease.
-- ARGV: its length, in ms; the number before the first item's.

if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], 'length', ARGV[1], 'number', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
