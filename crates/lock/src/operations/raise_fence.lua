-- Lets the next fence of a lock be larger than a given one, for the lock's holder.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- ARGV     now (unused) | token | the fence | ttl of the fence: ms
-- Answer   1: so it is, 0: the lock is not the holder's
if not is_holder(redis.call('GET', KEYS[1]), ARGV[2]) then return 0 end
local last = tonumber(redis.call('GET', KEYS[2]) or nil)
if not last or last < tonumber(ARGV[3]) then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
return 1
