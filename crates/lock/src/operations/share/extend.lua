-- Prolongs a share for its holder.
--
-- KEYS[1]  the shares: kind and token of each holder, by the end of the lease in microseconds
-- ARGV     now | kind and token | ttl: ms, counted from now on
-- Answer   1: prolonged, 0: it is not the holder's any more
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or nil)
if not ends or ends <= now() then return 0 end
redis.call('ZADD', KEYS[1], whole(now() + ARGV[3] * 1000), ARGV[2])
end_with_the_last(KEYS[1])
return 1
