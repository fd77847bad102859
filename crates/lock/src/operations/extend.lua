-- Prolongs a lock for its holder.
--
-- KEYS[1]  the lock: the holder's token
-- ARGV     now (unused) | token | ttl: ms, counted from now on
-- Answer   1: prolonged, 0: it is not the holder's any more
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
