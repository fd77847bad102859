-- Prolongs a share for its holder.
--
-- KEYS[1]  the shares: kind and token of each holder, by the end of the lease in microseconds
-- ARGV     now | kind and token | ttl: ms, counted from now on
-- Answer   1: prolonged, 0: it is not the holder's any more
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or nil)
if not ends or ends <= now then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3] * 1000), ARGV[2])
local longest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], math.ceil((tonumber(longest[2]) - now) / 1000))
return 1
